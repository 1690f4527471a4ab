//! When a certificate ends: the one field we need of it, by a short walk through its DER.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The end of an X.509 certificate's validity; `None` when that can't be read.
pub(crate) fn not_after(der: &[u8]) -> Option<SystemTime> {
    let (certificate, _) = element(der, 0x30)?;
    let (mut fields, _) = element(certificate, 0x30)?;
    // [0] version, absent in version 1.
    if fields.first() == Some(&0xa0) {
        fields = element(fields, 0xa0)?.1;
    }
    // Serial number, signature algorithm, issuer.
    for tag in [0x02, 0x30, 0x30] {
        fields = element(fields, tag)?.1;
    }
    let (validity, _) = element(fields, 0x30)?;
    let (_, rest) = any_element(validity)?;
    let (tag, text, _) = {
        let (tag, text) = (*rest.first()?, any_element(rest)?);
        (tag, text.0, text.1)
    };
    instant(tag, text)
}

/// Content of the element at the front, and what follows it, if it has this tag.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    (*der.first()? == tag).then(|| any_element(der)).flatten()
}

fn any_element(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&short, mut rest) = der.get(1..)?.split_first()?;
    let mut length = usize::from(short);
    if short & 0x80 != 0 {
        let digits = usize::from(short & 0x7f);
        if digits > 4 {
            return None;
        }
        let (long, behind) = rest.split_at_checked(digits)?;
        length = long.iter().fold(0, |sum, &digit| sum << 8 | usize::from(digit));
        rest = behind;
    }
    rest.split_at_checked(length)
}

/// `UTCTime` (two digits for the year, 1950 to 2049) or `GeneralizedTime`, both in UTC.
fn instant(tag: u8, text: &[u8]) -> Option<SystemTime> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let number = |part: &str| {
        part.bytes().all(|digit| digit.is_ascii_digit()).then(|| part.parse::<i64>().ok())?
    };
    let (year, rest) = match tag {
        0x17 => {
            let year = number(text.get(..2)?)?;
            (if year < 50 { 2000 + year } else { 1900 + year }, text.get(2..)?)
        }
        0x18 => (number(text.get(..4)?)?, text.get(4..)?),
        _ => return None,
    };
    let part = |at: usize| number(rest.get(at..at + 2)?);
    let (month, day, hour, minute, second) = (part(0)?, part(2)?, part(4)?, part(6)?, part(8)?);
    if rest.len() != 10 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Days since 1970 in the Gregorian calendar, counting years from March so that leap days are last.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second;
    UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(seconds).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_read_in_both_forms() {
        let seconds = |tag, text: &str| {
            instant(tag, text.as_bytes())?.duration_since(UNIX_EPOCH).ok().map(|d| d.as_secs())
        };
        assert_eq!(seconds(0x17, "700101000000Z"), Some(0));
        assert_eq!(seconds(0x17, "260228235959Z"), Some(1_772_323_199));
        assert_eq!(seconds(0x17, "240229000000Z"), Some(1_709_164_800));
        assert_eq!(seconds(0x18, "20500101000000Z"), Some(2_524_608_000));
        assert_eq!(seconds(0x18, "99991231235959Z"), Some(253_402_300_799));
        for wrong in ["", "Z", "26022823595Z", "26+228235959Z", "261328235959Z", "260228235959"] {
            assert_eq!(seconds(0x17, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_end_is_found_in_a_certificate() {
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(2031, 5, 6);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let end = not_after(certificate.der()).unwrap();
        assert_eq!(end, UNIX_EPOCH + Duration::from_secs(1_935_792_000));
    }

    #[test]
    fn rubbish_has_no_end() {
        for der in [&[][..], &[0x30], &[0x30, 0x84, 0xff], &[0x30, 0x89], &[0x30, 2, 0x30, 0]] {
            assert_eq!(not_after(der), None);
        }
    }
}
