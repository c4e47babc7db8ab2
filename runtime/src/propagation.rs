//! One trace from caller to callee: the W3C trace context in the headers of a call.

use opentelemetry::{
    Context,
    propagation::{Extractor, Injector, TextMapPropagator},
    trace::TraceContextExt,
};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tonic::{
    codegen::http::{HeaderMap, HeaderName, HeaderValue},
    metadata::MetadataMap,
};
use tracing::{Span, field::display};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Bytes of a tracestate that are passed on: what the standard asks for at least. Every call of an answer has it among its headers, of
/// which a worker takes 16 KiB in all.
const LONGEST_STATE: usize = 512;
const STATE: &str = "tracestate";

/// The span of the caller, as its headers tell; of nobody, where they tell nothing that could be one.
#[derive(Clone, Debug, Default)]
pub struct Origin(Context);

impl Origin {
    pub fn of(headers: &HeaderMap) -> Self {
        Self(TraceContextPropagator::new().extract_with_context(&Context::new(), &Headers(headers)))
    }

    /// Makes a new span the caller's child, or the first of a trace, and writes the trace's id into its field `trace_id`.
    pub fn adopts(&self, span: &Span) {
        // Only a span that was entered before, or that nobody listens to, has no parent to be given.
        let _ = span.set_parent(self.0.clone());
        let context = span.context();
        let trace = context.span().span_context().trace_id();
        span.record("trace_id", display(trace));
    }
}

/// Tells a callee the span that this is called in.
pub fn inject(metadata: &mut MetadataMap) {
    let mut headers = HeadersMut(std::mem::take(metadata).into_headers());
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut headers);
    *metadata = MetadataMap::from_headers(headers.0);
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        let value = self.0.get(key)?.to_str().ok()?;
        (key != STATE || value.len() <= LONGEST_STATE).then_some(value)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct HeadersMut(HeaderMap);

impl Injector for HeadersMut {
    fn set(&mut self, key: &str, value: String) {
        if value.is_empty() {
            return;
        }
        if let (Ok(name), Ok(value)) = (key.parse::<HeaderName>(), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TracerProvider;
    use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    fn headers(traceparent: &str) -> HeaderMap {
        HeaderMap::from_iter([(HeaderName::from_static("traceparent"), traceparent.parse().unwrap())])
    }

    fn told_to_a_callee(caller: &HeaderMap) -> MetadataMap {
        let provider = SdkTracerProvider::builder().with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOff)));
        let layer = tracing_opentelemetry::layer().with_tracer(provider.build().tracer("test"));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let span = tracing::info_span!("call", trace_id = tracing::field::Empty);
            Origin::of(caller).adopts(&span);
            let mut metadata = MetadataMap::new();
            span.in_scope(|| inject(&mut metadata));
            metadata
        })
    }

    fn parent_told(caller: &HeaderMap) -> String {
        told_to_a_callee(caller).get("traceparent").unwrap().to_str().unwrap().to_owned()
    }

    #[test]
    fn a_callee_is_told_the_trace_of_the_caller_and_its_choice() {
        for flags in ["00", "01"] {
            let told = parent_told(&headers(&format!("00-{TRACE}-b7ad6b7169203331-{flags}")));
            let parts: Vec<&str> = told.split('-').collect();
            assert_eq!((parts[0], parts[1], parts[3]), ("00", TRACE, flags), "{told}");
            assert_ne!(parts[2], "b7ad6b7169203331", "the callee's parent is our span");
        }
    }

    #[test]
    fn a_long_state_is_not_passed_on() {
        for (length, passes) in [(100, true), (600, false)] {
            let mut caller = headers(&format!("00-{TRACE}-b7ad6b7169203331-01"));
            caller.insert(STATE, format!("a={}", "x".repeat(length)).parse().unwrap());
            assert_eq!(told_to_a_callee(&caller).get(STATE).is_some(), passes, "{length}");
        }
        assert!(told_to_a_callee(&HeaderMap::new()).get(STATE).is_none());
    }

    #[test]
    fn headers_that_tell_no_trace_begin_one() {
        for nonsense in ["", "x", "00-0-0-00", "00-00000000000000000000000000000000-b7ad6b7169203331-01"] {
            let told = parent_told(&headers(nonsense));
            assert_eq!(told.len(), 55, "{nonsense:?}: {told}");
            assert!(!told.contains(TRACE));
        }
        assert_eq!(parent_told(&HeaderMap::new()).len(), 55);
    }
}
