//! Reads the JSON of these messages.
//!
//! It reads exactly what `serde_json` writes for them and no other JSON: fields
//! in their order, no spaces, whole numbers. The page and its server are built
//! together, so more would never be used, and every phone would pay for it: a
//! reader of all JSON, `serde_json`, adds 31 KB to the page, this one 2.

use alloc::string::String;
use core::fmt::{self, Display};

use serde::Deserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Expected, SeqAccess, Unexpected, Visitor};

/// Reads the message the text begins with; `None` if it begins with none.
pub fn read<T: DeserializeOwned>(text: &str) -> Option<T> {
    T::deserialize(&mut Reader { rest: text }).ok()
}

/// It is not what the server writes. Nobody could do anything with a reason.
#[derive(Debug)]
struct Malformed;

type Result<T> = core::result::Result<T, Malformed>;

impl Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the JSON of this message")
    }
}

impl core::error::Error for Malformed {}

/// The default methods would compose sentences that nobody reads.
impl serde::de::Error for Malformed {
    fn custom<T: Display>(_: T) -> Self {
        Malformed
    }

    fn invalid_type(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Malformed
    }

    fn invalid_value(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Malformed
    }

    fn invalid_length(_: usize, _: &dyn Expected) -> Self {
        Malformed
    }
}

struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    fn take(&mut self, token: &str) -> Result<()> {
        self.rest = self.rest.strip_prefix(token).ok_or(Malformed)?;
        Ok(())
    }

    fn number(&mut self) -> Result<u64> {
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.rest.split_at_checked(digits).ok_or(Malformed)?;
        self.rest = rest;
        number.parse().map_err(|_| Malformed)
    }

    fn string(&mut self) -> Result<String> {
        self.take("\"")?;
        let mut text = String::new();
        let mut chars = self.rest.chars();
        loop {
            match chars.next().ok_or(Malformed)? {
                '"' => break,
                // Other escapes stand for control characters, which no name has.
                '\\' => match chars.next() {
                    Some(escaped @ ('"' | '\\')) => text.push(escaped),
                    _ => return Err(Malformed),
                },
                plain => text.push(plain),
            }
        }
        self.rest = chars.as_str();
        Ok(text)
    }
}

impl<'de> Deserializer<'de> for &mut Reader<'_> {
    type Error = Malformed;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value> {
        Err(Malformed)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_u64(self.number()?)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_u64(self.number()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_string(self.string()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.take("null") {
            Ok(()) => visitor.visit_none(),
            Err(Malformed) => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.take("[")?;
        visitor.visit_seq(Items { reader: self, end: "]", fields: None, is_first: true })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.take("{")?;
        let items = Items { reader: self, end: "}", fields: Some(fields), is_first: true };
        let value = visitor.visit_seq(items)?;
        // A list is asked until it ends, a struct only for its fields.
        self.take("}")?;
        Ok(value)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u32 f32 f64 char str bytes byte_buf unit unit_struct
        newtype_struct tuple tuple_struct map enum identifier ignored_any
    }
}

/// What stands between two brackets.
struct Items<'r, 't> {
    reader: &'r mut Reader<'t>,
    end: &'static str,
    /// A struct's fields that are still to come.
    fields: Option<&'static [&'static str]>,
    is_first: bool,
}

impl Items<'_, '_> {
    /// Goes to the next item, if there is one. Apart from what differs by type,
    /// and never inlined there, so that the page has it once.
    #[inline(never)]
    fn advance(&mut self) -> Result<bool> {
        if self.reader.take(self.end).is_ok() {
            return Ok(false);
        }
        if !core::mem::take(&mut self.is_first) {
            self.reader.take(",")?;
        }
        if let Some(fields) = &mut self.fields {
            let (field, rest) = fields.split_first().ok_or(Malformed)?;
            *fields = rest;
            self.reader.take("\"")?;
            self.reader.take(field)?;
            self.reader.take("\":")?;
        }
        Ok(true)
    }
}

impl<'de> SeqAccess<'de> for Items<'_, '_> {
    type Error = Malformed;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        match self.advance()? {
            true => seed.deserialize(&mut *self.reader).map(Some),
            false => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec;
    use core::fmt::Debug;

    use serde::Serialize;

    use super::*;
    use crate::{Changes, Classroom, Entry, Page, Snapshot};

    #[track_caller]
    fn assert_survives<T: Serialize + DeserializeOwned + PartialEq + Debug>(message: &T) {
        let written = serde_json::to_string(message).unwrap();
        assert_eq!(read::<T>(&written).as_ref(), Some(message), "{written}");
        // Cut anywhere it is nothing, and reading it does not fail otherwise.
        for (end, _) in written.char_indices() {
            assert_eq!(read::<T>(&written[..end]), None, "{:?}", &written[..end]);
        }
    }

    #[test]
    fn what_the_server_writes_is_read() {
        let entries =
            ["zhangsan", "张三", "O'Neil \"Bo\" \\ /", "𝄞 é", "{\"a\":[null]}"].map(|name| {
                let phone = (name.len() % 2 == 0).then(|| "+86 138\"\\".to_string());
                Entry { name: name.to_string(), phone }
            });
        assert_survives(&Snapshot { seq: 0, count: u64::MAX });
        assert_survives(&Changes { seq: 17, count: 3, changes: entries.to_vec() });
        assert_survives(&Changes { seq: 0, count: 0, changes: vec![] });
        for next in [None, Some("张".to_string())] {
            let page = Page { seq: 1, count: 2, contacts: entries.to_vec(), next };
            assert_survives(&page);
        }
        for tcp_host in [None, Some("127.0.0.1".to_string())] {
            assert_survives(&Classroom { tcp_host, tcp_port: 9999 });
        }
    }

    #[test]
    fn anything_else_is_nothing() {
        for text in [
            "",
            "null",
            "[1,2]",
            r#"{"seq":1}"#,
            r#"{"seq":1,"count":2,"more":3}"#,
            r#"{"count":2,"seq":1}"#,
            r#"{"seq":1 ,"count":2}"#,
            r#"{"seq":-1,"count":2}"#,
            r#"{"seq":1.5,"count":2}"#,
            r#"{"seq":"1","count":2}"#,
            r#"{"seq":,"count":2}"#,
            r#"{"seq":18446744073709551616,"count":2}"#,
            r#"{,"seq":1,"count":2}"#,
            r#"{"seq":1,"count":2,}"#,
        ] {
            assert_eq!(read::<Snapshot>(text), None, "{text}");
        }
        assert_eq!(read::<Classroom>(r#"{"tcp_host":null,"tcp_port":65536}"#), None);
        assert_eq!(read::<Classroom>(r#"{"tcp_host":"\u0000","tcp_port":1}"#), None);
        assert_eq!(read::<Classroom>(r#"{"tcp_host":"\"#), None);
    }
}
