//! Reads the end of validity from the DER encoding of an X.509 certificate.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::civil::DateTime;

/// ASN.1 tags of the two time types.
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// End of validity of an X.509 certificate; `None` if the certificate cannot be parsed.
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
    let tag = *rest.first()?;
    let (text, _) = any_element(rest)?;
    parse_time(tag, text)
}

/// Content of the first element and the bytes after it, if the element has this tag.
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

/// `UTCTime` (`YYMMDDhhmmssZ`, 1950 to 2049) or `GeneralizedTime` (`YYYYMMDDhhmmssZ`).
///
/// Civil time, because RFC 5280 uses the end of 9999, which `jiff::Timestamp` does not reach.
fn parse_time(tag: u8, text: &[u8]) -> Option<SystemTime> {
    const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let text = match tag {
        UTC_TIME => format!("{}{text}", if text.get(..2)? < "50" { "20" } else { "19" }),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let text = Some(text).filter(|text| text.len() == "YYYYMMDDhhmmss".len())?;
    let time = DateTime::strptime("%Y%m%d%H%M%S", text).ok()?;
    UNIX_EPOCH.checked_add(Duration::try_from(time.duration_since(EPOCH)).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_time_formats_are_parsed() {
        let seconds = |tag, text: &str| {
            parse_time(tag, text.as_bytes())?.duration_since(UNIX_EPOCH).ok().map(|d| d.as_secs())
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
    fn end_of_validity_is_read_from_a_certificate() {
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(2031, 5, 6);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let end = not_after(certificate.der()).unwrap();
        assert_eq!(end, UNIX_EPOCH + Duration::from_secs(1_935_792_000));
    }

    #[test]
    fn malformed_der_has_no_end_of_validity() {
        for der in [&[][..], &[0x30], &[0x30, 0x84, 0xff], &[0x30, 0x89], &[0x30, 2, 0x30, 0]] {
            assert_eq!(not_after(der), None);
        }
    }
}
