//! Decodes the compressed body of a remote write 2.0 request, the form that queue messages have.

use std::collections::HashMap;
use std::sync::Arc;

use prost::Message;

use crate::wire::v2;
use crate::{Entry, Exemplar, InvalidSeries, Metadata, Sample, Series, Timestamp};

/// Why a body cannot be decoded. A retry gives the same result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    #[error("the body is not a snappy block")]
    Snappy(#[from] snap::Error),
    #[error("the body has {length} bytes after decompression; expected at most {limit}")]
    TooLong { length: usize, limit: usize },
    #[error("the body is not a remote write 2.0 request")]
    Malformed(#[from] prost::DecodeError),
    #[error("a series refers to a symbol that does not exist")]
    Reference,
    #[error("the labels of a series are invalid")]
    Series(#[from] InvalidSeries),
}

/// The entries of a snappy-compressed remote write 2.0 request.
///
/// `limit` is the largest accepted length after decompression, in bytes. It is checked before
/// decompression.
pub fn decode(body: &[u8], limit: usize) -> Result<Vec<Entry>, DecodeError> {
    let length = snap::raw::decompress_len(body)?;
    if length > limit {
        return Err(DecodeError::TooLong { length, limit });
    }
    let plain = snap::raw::Decoder::new().decompress_vec(body)?;
    let request = v2::Request::decode(plain.as_slice())?;
    let symbols = Symbols { texts: &request.symbols };
    let mut known = HashMap::new();
    let mut entries = Vec::with_capacity(request.timeseries.len());
    for timeseries in request.timeseries {
        let labels = symbols.pairs(&timeseries.labels_refs)?;
        let mut series = Series::from_labels(labels)?;
        if let Some(metadata) = timeseries.metadata {
            let key = (metadata.r#type, metadata.help_ref, metadata.unit_ref);
            let metadata = match known.get(&key) {
                Some(metadata) => Arc::clone(metadata),
                None => Arc::clone(known.entry(key).or_insert(Arc::new(Metadata {
                    family: String::new(),
                    kind: metadata.r#type.into(),
                    help: symbols.text(metadata.help_ref)?.to_owned(),
                    unit: symbols.text(metadata.unit_ref)?.to_owned(),
                }))),
            };
            series = series.with_metadata(metadata);
        }
        let start = entries.len();
        entries.extend(timeseries.samples.iter().map(|sample| {
            let at = Timestamp::from_millis(sample.timestamp);
            let start = Timestamp::from_millis(sample.start_timestamp);
            Entry::new(series.clone(), Sample::new(sample.value, at).with_start(start))
        }));
        let histograms = timeseries.histograms.into_iter();
        entries.extend(histograms.map(|histogram| Entry::histogram(series.clone(), histogram)));
        attach(&mut entries[start..], &timeseries.exemplars, &symbols)?;
    }
    Ok(entries)
}

struct Symbols<'a> {
    texts: &'a [String],
}

impl<'a> Symbols<'a> {
    fn text(&self, place: u32) -> Result<&'a str, DecodeError> {
        self.texts.get(place as usize).map(String::as_str).ok_or(DecodeError::Reference)
    }

    fn pairs(&self, refs: &[u32]) -> Result<Vec<(&'a str, &'a str)>, DecodeError> {
        let (pairs, rest) = refs.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(DecodeError::Reference);
        }
        pairs.iter().map(|[name, value]| Ok((self.text(*name)?, self.text(*value)?))).collect()
    }
}

/// Attaches each exemplar to the first entry that is not older than it, or else to the last one.
fn attach(
    entries: &mut [Entry],
    exemplars: &[v2::Exemplar],
    symbols: &Symbols<'_>,
) -> Result<(), DecodeError> {
    for exemplar in exemplars {
        let labels = symbols.pairs(&exemplar.labels_refs)?;
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let exemplar = Exemplar {
            labels: labels.collect(),
            value: exemplar.value,
            at: Timestamp::from_millis(exemplar.timestamp),
        };
        let free = |entry: &&mut Entry| entry.exemplar.is_none() && entry.at() >= exemplar.at;
        let place = match entries.iter_mut().find(free) {
            Some(entry) => Some(entry),
            None => entries.last_mut(),
        };
        if let Some(entry) = place {
            entry.exemplar = Some(Box::new(exemplar));
        }
    }
    Ok(())
}
