// Requests and event streams of a page, over the DevTools protocol.

const SEND = /\/(queue\/join|run\/\w+|api\/\w+|call\/\w+)\/?(\?|$)/;
const STREAM = /\/queue\/data(\?|$)/;

export class Network {
  static async of(page) {
    const network = new Network(await page.context().newCDPSession(page));
    await network.session.send('Network.enable');
    return network;
  }

  constructor(session) {
    this.session = session;
    // Requests that send a message, in order: {at, url, status, failed}.
    this.sent = [];
    // Parts of event streams as they were received: {at, text, whole}.
    this.received = [];
    // Ids of open requests that an answer may still come from.
    this.open = new Map();
    this.clock = 0;
    session.on('Network.requestWillBeSent', (event) => this.#request(event));
    session.on('Network.responseReceived', (event) => this.#response(event));
    session.on('Network.dataReceived', (event) => this.#data(event.requestId, event.timestamp, event.data));
    session.on('Network.eventSourceMessageReceived', ({ timestamp, data }) => this.#text(timestamp, data, true));
    session.on('Network.loadingFinished', (event) => this.#finished(event));
    session.on('Network.loadingFailed', ({ requestId, errorText }) => {
      const request = this.open.get(requestId);
      if (request) request.failed = errorText;
      this.open.delete(requestId);
    });
  }

  // Wall-clock milliseconds of a monotonic timestamp in seconds.
  #wall(timestamp) {
    return timestamp * 1000 + this.clock;
  }

  #request({ requestId, request, timestamp, wallTime }) {
    this.clock = (wallTime - timestamp) * 1000;
    const isSend = request.method === 'POST' && SEND.test(request.url);
    if (!isSend && !STREAM.test(request.url)) return;
    const entry = { at: this.#wall(timestamp), url: request.url, status: null, failed: null, body: request.postData ?? '' };
    this.open.set(requestId, entry);
    if (isSend) this.sent.push(entry);
  }

  #response({ requestId, response, timestamp }) {
    const entry = this.open.get(requestId);
    if (!entry) return;
    entry.status = response.status;
    entry.stream = response.mimeType === 'text/event-stream';
    if (!entry.stream) return;
    entry.decoder = new TextDecoder();
    entry.streaming = this.#follow(requestId, entry, timestamp);
  }

  async #follow(requestId, entry, timestamp) {
    try {
      const { bufferedData } = await this.session.send('Network.streamResourceContent', { requestId });
      this.#data(requestId, timestamp, bufferedData);
    } catch {
      // The stream has ended already: its whole content is read when the event of its end arrives.
      entry.ended = true;
    }
  }

  async #finished({ requestId, timestamp }) {
    const entry = this.open.get(requestId);
    this.open.delete(requestId);
    if (!entry?.stream) return;
    await entry.streaming;
    if (!entry.ended) return;
    try {
      const { body, base64Encoded } = await this.session.send('Network.getResponseBody', { requestId });
      this.#text(timestamp, base64Encoded ? Buffer.from(body, 'base64').toString() : body);
    } catch {
      // An `EventSource`: its messages came as `eventSourceMessageReceived`.
    }
  }

  #data(requestId, timestamp, data) {
    const entry = this.open.get(requestId);
    if (!entry?.stream || !data) return;
    this.#text(timestamp, entry.decoder.decode(Buffer.from(data, 'base64'), { stream: true }));
  }

  // `whole`: the text is one message, not a part of a stream.
  #text(timestamp, text, whole = false) {
    if (text) this.received.push({ at: this.#wall(timestamp), text, whole });
  }

  // When the first text of `answer` was received after `since`, or null when no stream held it.
  firstText(answer, since) {
    const wanted = plain(answer);
    if (!wanted) return null;
    const requests = this.sent.filter(({ at }) => at >= since);
    // Texts of the last message before this turn.
    let old = new Map();
    for (const { at, message } of messages(this.received)) {
      const texts = [...leaves(message)];
      if (texts.length === 0) continue;
      const found = count(texts);
      if (at < since) {
        old = found;
        continue;
      }
      // What the page had sent by then is no answer.
      const sent = count(requests.filter((request) => request.at < at).flatMap(({ body }) => [...leaves(body)]));
      for (const [text, times] of found) {
        const seen = plain(text);
        if (seen && wanted.startsWith(seen) && times > Math.max(sent.get(text) ?? 0, old.get(text) ?? 0)) return at;
      }
    }
    return null;
  }
}

// The lines of the parts, each with the time at which its end was received.
function* messages(parts) {
  let pending = '';
  for (const { at, text, whole } of parts) {
    const lines = whole ? [text] : (pending + text).split('\n');
    if (!whole) pending = lines.pop();
    for (const message of lines) yield { at, message };
  }
}

function count(texts) {
  const counts = new Map();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}

// Letters and digits only, so that markup does not matter.
function plain(text) {
  return text
    .replace(/<[^>]*>/g, ' ')
    .replace(/&\w+;/g, ' ')
    .replace(/[^\p{L}\p{N}]+/gu, '')
    .toLowerCase();
}

// Every string in the `data` of one JSON message.
function leaves(line) {
  try {
    const value = JSON.parse(line.replace(/^data:\s*/, ''));
    return strings(value?.output?.data ?? value?.data);
  } catch {
    return [];
  }
}

function* strings(value) {
  if (typeof value === 'string') yield value;
  else if (value && typeof value === 'object') for (const each of Object.values(value)) yield* strings(each);
}
