//! Messages and responses.

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, from_slice, from_str};

use crate::measure::{Evaluation, Timing};
use crate::problems;

/// What a message is answered with. A field that does not belong to its kind is left out.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Response {
    id: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    success: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timings: Option<Vec<Timing>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Response {
    fn new(id: Value) -> Self {
        Self {
            id,
            ..Self::default()
        }
    }

    fn define(id: Value, outcome: Result<(), String>) -> Self {
        Self {
            success: Some(outcome.is_ok()),
            error: outcome.err(),
            ..Self::new(id)
        }
    }

    fn evaluate(id: Value, outcome: Result<Evaluation, String>) -> Self {
        match outcome {
            Ok(Evaluation { output, timings }) => Self {
                success: Some(true),
                output: Some(output),
                timings: Some(timings),
                ..Self::new(id)
            },
            Err(error) => Self::define(id, Err(error)),
        }
    }
}

/// The fields of a message. The input is decoded later, by those who know its form.
type Fields = Map<String, Value>;

/// The response to a line.
pub(crate) fn respond(line: &[u8]) -> Response {
    let message = match from_slice::<Message<'_>>(line) {
        Ok(message) => message,
        Err(error) => {
            let error = format!("not a message: {error}; send one JSON object a line");
            return Response::define(Value::Null, Err(error));
        }
    };
    let fields = message.fields;
    let Some(id) = fields.get("id").filter(|id| id.is_number()).cloned() else {
        let error = format!("\"id\" is {}; send a number", shown(fields.get("id")));
        return Response::define(Value::Null, Err(error));
    };
    match text(&fields, "kind") {
        Err(error) => Response::define(id, Err(error)),
        Ok("start") => Response {
            tool: Some("retrograd"),
            ..Response::new(id)
        },
        Ok("define") => {
            let module = text(&fields, "module").and_then(problems::module);
            Response::define(id, module.map(|_| ()))
        }
        Ok("evaluate") => Response::evaluate(id, evaluate(&fields, message.input)),
        Ok(_) => Response::new(id),
    }
}

/// Finds the function, decodes the input, and measures.
fn evaluate(fields: &Fields, input: Option<&RawValue>) -> Result<Evaluation, String> {
    let (module, function) = (text(fields, "module")?, text(fields, "function")?);
    let run = problems::function(module, function)?;
    let input =
        input.ok_or("\"input\" is missing; send what the function is to be evaluated at")?;
    run(input).map_err(|error| format!("{module}::{function}: {error}"))
}

/// A field that has to be a text.
fn text<'f>(fields: &'f Fields, name: &str) -> Result<&'f str, String> {
    let field = fields.get(name);
    field
        .and_then(Value::as_str)
        .ok_or_else(|| format!("{name:?} is {}; send a text", shown(field)))
}

fn shown(field: Option<&Value>) -> String {
    field.map_or_else(|| "missing".into(), ToString::to_string)
}

/// A message whose input is still text: it may be large, and only the problem knows its form.
struct Message<'l> {
    fields: Fields,
    input: Option<&'l RawValue>,
}

impl<'l> serde::Deserialize<'l> for Message<'l> {
    fn deserialize<D: serde::Deserializer<'l>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let mut all =
            std::collections::BTreeMap::<String, &'l RawValue>::deserialize(deserializer)?;
        let input = all.remove("input");
        let decoded = all
            .into_iter()
            .map(|(name, raw)| Ok((name, from_str(raw.get())?)));
        let fields = decoded
            .collect::<Result<_, serde_json::Error>>()
            .map_err(D::Error::custom)?;
        Ok(Self { fields, input })
    }
}
