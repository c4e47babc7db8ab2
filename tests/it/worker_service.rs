//! WorkerService over gRPC, with real small models: what the contract promises, and drafts and scores as recorded.

use std::{fs, net::SocketAddr, path::Path, sync::Arc};

use serde_json::Value;
use specfuse_proto::v1::{
    Candidate, Context, Conversation, DescribeRequest, DraftRequest, DraftResponse, Message, Sampling, ScoreRequest,
    context::Prompt, worker_service_client::WorkerServiceClient, worker_service_server::WorkerServiceServer,
};
use specfuse_tests::{device, golden};
use specfuse_worker::{
    chat_template::ChatTemplate,
    context::Language,
    end_of_turn,
    engine::{Engine, EngineConfig},
    service::{ReadLimits, Served, Service},
    tokenizer::Tokenizer,
};
use tokio::task::JoinSet;
use tonic::{
    Code, Status,
    transport::{Channel, Server, server::TcpIncoming},
};

type Client = WorkerServiceClient<Channel>;

/// A served model; dropping it stops the server.
struct Worker {
    client: Client,
    _server: JoinSet<()>,
}

async fn worker(models: &Path, name: &str) -> Worker {
    let folder = models.join(name);
    let model = device::model(&folder).unwrap();
    let end_of_turn = end_of_turn::load(&folder, model.info.vocab_size).unwrap();
    let language = Language::new(Tokenizer::load(&folder).unwrap(), ChatTemplate::load(&folder).unwrap());
    let fingerprint = "sha256:abc".to_owned();
    let served = Served { name: name.to_owned(), info: model.info.clone(), language, end_of_turn, fingerprint };
    let config = EngineConfig { cache_memory: 64 << 20, max_batch_rows: 512, max_queue: 16 };
    let (engine, _thread) = Engine::start(model, config).unwrap();
    let service = Service::new(served, engine, ReadLimits { at_a_time: 2, waiting: 16 });
    let incoming = TcpIncoming::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = incoming.local_addr().unwrap();
    let mut server = JoinSet::new();
    server.spawn(async move {
        Server::builder().add_service(WorkerServiceServer::new(service)).serve_with_incoming(incoming).await.unwrap();
    });
    let client = WorkerServiceClient::connect(format!("http://{address}")).await.unwrap();
    Worker { client, _server: server }
}

fn message(role: &str, content: &str) -> Message {
    Message { role: role.to_owned(), content: content.to_owned() }
}

fn chat(messages: Vec<Message>, accepted: &str) -> Option<Context> {
    let prompt = Some(Prompt::Conversation(Conversation { messages }));
    Some(Context { prompt, accepted: accepted.to_owned() })
}

fn raw(prompt: &str) -> Option<Context> {
    Some(Context { prompt: Some(Prompt::Raw(prompt.to_owned())), accepted: String::new() })
}

fn draft(context: Option<Context>, max_tokens: u32) -> DraftRequest {
    DraftRequest { request_id: "test".to_owned(), round: 1, context, max_tokens, ..Default::default() }
}

fn score(context: Option<Context>, candidates: Vec<Candidate>) -> ScoreRequest {
    ScoreRequest { request_id: "test".to_owned(), round: 1, context, candidates }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_worker_describes_what_it_serves() {
    let Some(root) = golden::folder() else { return };
    let mut worker = worker(&root.join("models"), "llama").await;
    let described = worker.client.describe(DescribeRequest {}).await.unwrap().into_inner();
    assert_eq!((described.model.as_str(), described.family.as_str()), ("llama", "llama"));
    assert_eq!(described.end_of_turn_ids, [1535, 1532]);
    assert_eq!(described.context_length, 1024);
    assert_eq!(described.capabilities, ["chat", "raw"]);
    assert_eq!(described.fingerprint, "sha256:abc");
    assert!(described.cache_tokens > 0 && described.parameters > 0 && !described.instance_id.is_empty());
}

/// The status of a refused call.
fn code<T>(answer: Result<T, Status>) -> (Code, String) {
    let status = answer.map(drop).unwrap_err();
    (status.code(), status.message().to_owned())
}

#[tokio::test]
async fn a_wrong_call_is_answered_with_the_contracts_code() {
    let Some(root) = golden::folder() else { return };
    let mut worker = worker(&root.join("models"), "mistral").await;
    let user = || chat(vec![message("user", "Hi")], "");

    let (status, said) = code(worker.client.draft(draft(user(), 0)).await);
    assert_eq!((status, said.as_str()), (Code::InvalidArgument, "max_tokens is 0, allowed are 1 to 4096"));
    let sampling = Some(Sampling { temperature: f32::NAN, ..Default::default() });
    let (status, said) = code(worker.client.draft(DraftRequest { sampling, ..draft(user(), 1) }).await);
    assert_eq!((status, said.as_str()), (Code::InvalidArgument, "sampling.temperature is NaN, allowed is 0 to 100"));
    let (status, said) = code(worker.client.draft(draft(chat(vec![message("tool", "Hi")], ""), 1)).await);
    assert_eq!(status, Code::InvalidArgument, "{said}");
    assert!(said.contains("\"system\", \"user\" and \"assistant\""), "{said}");
    let (status, said) = code(worker.client.score(score(user(), vec![])).await);
    assert_eq!((status, said.as_str()), (Code::InvalidArgument, "there are 0 candidates, allowed are 1 to 64"));

    let folded = chat(vec![message("system", "Be brief."), message("user", "Hi")], "");
    worker.client.draft(draft(folded, 1)).await.unwrap();
    let system = chat(vec![message("user", "Hi"), message("system", "Be brief.")], "");
    let (status, said) = code(worker.client.draft(draft(system, 1)).await);
    assert_eq!(status, Code::FailedPrecondition, "{said}");
    assert!(said.ends_with("Only user and assistant roles are supported!"), "{said}");

    let (status, said) = code(worker.client.draft(draft(raw("apples"), 1024)).await);
    assert_eq!(status, Code::OutOfRange, "{said}");
    let long = Candidate { text: " apples".repeat(1100), finished: false };
    let (status, said) = code(worker.client.score(score(user(), vec![long])).await);
    assert_eq!(status, Code::OutOfRange, "{said}");
}

#[tokio::test]
async fn every_recorded_draft_and_score_comes_back() {
    let Some(root) = golden::folder() else { return };
    let run = fs::read_to_string(root.join("runs/five-default-1.json")).unwrap();
    let run: Arc<Value> = Arc::new(serde_json::from_str(&run).unwrap());
    for name in ["llama", "qwen2", "mistral", "gemma2", "glm"] {
        let worker = worker(&root.join("models"), name).await;
        check_member(worker.client.clone(), name, &run).await;
    }
}

/// The most probable token was taken each time: it is the first of those told in its place.
fn check_tokens(drafted: &DraftResponse) {
    let DraftResponse { text, tokens, token_logprobs, .. } = drafted;
    assert_eq!(tokens.iter().map(|token| token.text.as_str()).collect::<String>(), *text);
    assert!(tokens.len() <= drafted.drafted_tokens as usize && drafted.context_tokens > 0, "{drafted:?}");
    for (place, (token, logprob)) in tokens.iter().zip(token_logprobs).enumerate() {
        let first = token.top[0].clone();
        assert_eq!((token.logprob, first.logprob, token.top.len()), (*logprob, *logprob, 3), "{place} {drafted:?}");
        let is_cut = place + 1 == tokens.len();
        assert!(first.text == token.text || (is_cut && first.text.starts_with(&token.text)), "{place} {drafted:?}");
    }
}

async fn check_member(mut client: Client, name: &str, run: &Value) {
    let messages: Vec<Message> = run["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message_| message(&text(&message_["role"]), &text(&message_["content"])))
        .collect();
    for round in run["rounds"].as_array().unwrap() {
        let context = || chat(messages.clone(), round["accepted"].as_str().unwrap());
        let of_member = |list: &str| {
            round[list].as_array().and_then(|list| list.iter().find(|entry| entry["member"] == name)).cloned()
        };
        if let Some(recorded) = of_member("drafts") {
            let request = DraftRequest { top_logprobs: Some(3), ..draft(context(), 10) };
            let drafted = client.draft(request).await.unwrap().into_inner();
            check_tokens(&drafted);
            assert_eq!(drafted.text, recorded["text"], "{name} {}", round["round"]);
            assert_eq!(drafted.finished, recorded["finished"], "{name} {}", round["round"]);
            assert_eq!(u64::from(drafted.drafted_tokens), recorded["tokens"], "{name} {}", round["round"]);
            let drawn = drafted.drafted_tokens + u32::from(drafted.finished);
            assert_eq!(drafted.token_logprobs.len() as u32, drawn);
        }
        if let Some(recorded) = of_member("scores") {
            let candidates = round["candidates"].as_array().unwrap().iter().map(|candidate| Candidate {
                text: text(&candidate["text"]),
                finished: candidate["finished"].as_bool().unwrap(),
            });
            let scored = client.score(score(context(), candidates.collect())).await.unwrap().into_inner();
            for (i, terms) in scored.candidates.iter().enumerate() {
                let sum: f64 = terms.terms.iter().copied().map(f64::from).sum();
                assert_eq!(terms.terms.len() as u64, recorded["tokens"][i], "{name} {} {i}", round["round"]);
                let wanted = recorded["sum_logprob"][i].as_f64().unwrap();
                assert!((sum - wanted).abs() < 2e-3, "{name} {} {i}: {sum} {wanted}", round["round"]);
            }
        }
    }
}
