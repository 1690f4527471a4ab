//! The wire format of protobuf: fields of a message, in their order, borrowed from the body.

use super::ProtobufError;

/// A field with its number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    pub(super) number: u32,
    value: Value<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Value<'a> {
    Varint(u64),
    Fixed(u64),
    /// Four bytes, which no field of these messages has.
    Short,
    Bytes(&'a [u8]),
}

impl<'a> Field<'a> {
    pub(super) fn int(self) -> Result<u64, ProtobufError> {
        match self.value {
            Value::Varint(int) => Ok(int),
            _ => Err(self.wrong("a number")),
        }
    }

    pub(super) fn float(self) -> Result<f64, ProtobufError> {
        match self.value {
            Value::Fixed(bits) => Ok(f64::from_bits(bits)),
            _ => Err(self.wrong("a float of 64 bits")),
        }
    }

    pub(super) fn bytes(self) -> Result<&'a [u8], ProtobufError> {
        match self.value {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(self.wrong("a message or a text")),
        }
    }

    pub(super) fn text(self) -> Result<&'a str, ProtobufError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| self.wrong("text in UTF-8"))
    }

    /// Appends the numbers of a repeated field, packed or not.
    pub(super) fn signed(self, to: &mut Vec<i64>) -> Result<(), ProtobufError> {
        match self.value {
            Value::Varint(int) => to.push(zigzag(int)),
            Value::Bytes(mut packed) => {
                while !packed.is_empty() {
                    to.push(zigzag(varint(&mut packed)?));
                }
            }
            Value::Fixed(_) | Value::Short => return Err(self.wrong("numbers")),
        }
        Ok(())
    }

    /// Appends the floats of a repeated field, packed or not.
    pub(super) fn floats(self, to: &mut Vec<f64>) -> Result<(), ProtobufError> {
        match self.value {
            Value::Fixed(bits) => to.push(f64::from_bits(bits)),
            Value::Bytes(packed) if packed.len().is_multiple_of(8) => {
                to.extend(packed.chunks_exact(8).map(|eight| f64::from_bits(little_endian(eight))));
            }
            _ => return Err(self.wrong("floats of 64 bits")),
        }
        Ok(())
    }

    fn wrong(self, expected: &'static str) -> ProtobufError {
        ProtobufError::Type { field: self.number, expected }
    }
}

/// The fields of a message.
pub(super) fn fields(message: &[u8]) -> Fields<'_> {
    Fields { rest: message }
}

pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, ProtobufError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = field(&mut self.rest);
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

fn field<'a>(rest: &mut &'a [u8]) -> Result<Field<'a>, ProtobufError> {
    let key = varint(rest)?;
    let number = u32::try_from(key >> 3).ok().filter(|number| 0 < *number);
    let number = number.ok_or(ProtobufError::Field)?;
    let value = match key & 7 {
        0 => Value::Varint(varint(rest)?),
        1 => Value::Fixed(little_endian(bytes(rest, 8)?)),
        2 => Value::Bytes(delimited(rest)?),
        5 => {
            bytes(rest, 4)?;
            Value::Short
        }
        _ => return Err(ProtobufError::Field),
    };
    Ok(Field { number, value })
}

/// The bytes after their length.
pub(super) fn delimited<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], ProtobufError> {
    let length = usize::try_from(varint(rest)?).map_err(|_| ProtobufError::CutOff)?;
    bytes(rest, length)
}

fn bytes<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], ProtobufError> {
    let (taken, left) = rest.split_at_checked(length).ok_or(ProtobufError::CutOff)?;
    *rest = left;
    Ok(taken)
}

fn varint(rest: &mut &[u8]) -> Result<u64, ProtobufError> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, left) = rest.split_first().ok_or(ProtobufError::CutOff)?;
        *rest = left;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(ProtobufError::Field)
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// A number of the types `sint32` and `sint64`.
pub(super) fn zigzag(int: u64) -> i64 {
    (int >> 1).cast_signed() ^ -(int & 1).cast_signed()
}
