//! Real chat templates against what the reference implementation rendered, and the templates of the bundled small models.

use serde_json::Value;
use specfuse_tests::golden;
use specfuse_worker::{
    chat_template::{ChatTemplate, Message, RenderError, Role},
    tokenizer::Tokenizer,
};

use crate::tokenizers::{Recorded, ids, recorded};

pub(crate) fn messages(value: &Value) -> Vec<Message> {
    let message = |value: &Value| Message {
        role: Role::ALL.into_iter().find(|role| role.name() == value["role"].as_str().unwrap()).unwrap(),
        content: value["content"].as_str().unwrap().to_owned(),
    };
    value.as_array().unwrap().iter().map(message).collect()
}

#[test]
fn rendered_chats_and_their_ids_are_those_of_the_reference() {
    for Recorded { folder, name, expected } in recorded() {
        let tokenizer = Tokenizer::load(&folder).unwrap();
        let template = ChatTemplate::load(&folder).unwrap();
        let chats = expected["chats"].as_object().unwrap();
        assert_eq!(template.is_some(), !chats.is_empty(), "{name}");
        let Some(template) = template else { continue };
        for (case, chat) in chats {
            let rendered = template.render(&messages(&chat["messages"]));
            let Some(text) = chat["text"].as_str() else {
                assert!(matches!(rendered, Err(RenderError::Refused(_))), "{name} {case}: {rendered:?}");
                continue;
            };
            let rendered = rendered.unwrap();
            assert_eq!(rendered, text, "{name} {case}");
            assert_eq!(tokenizer.encode(&rendered, false).unwrap(), ids(&chat["ids"]), "{name} {case}");
        }
    }
}

#[test]
fn the_small_models_templates_render_or_refuse() {
    let Some(root) = golden::folder() else { return };
    let message = |role, content: &str| Message { role, content: content.to_owned() };
    let user = message(Role::User, " Hi ");
    for (model, rendered) in [
        (
            "llama",
            "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
        ),
        ("qwen2", "<|im_start|>user\n Hi <|im_end|>\n<|im_start|>assistant\n"),
        ("mistral", "<s>[INST]  Hi [/INST]"),
        ("gemma2", "<bos><start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\n"),
        ("glm", "[gMASK]<sop><|user|>\n Hi <|assistant|>\n"),
    ] {
        let template = ChatTemplate::load(&root.join("models").join(model)).unwrap().unwrap();
        assert_eq!(template.render(std::slice::from_ref(&user)).unwrap(), rendered, "{model}");
    }
    let with_system = [message(Role::System, "Be brief."), user];
    for (model, refusal) in
        [("gemma2", "System role not supported"), ("mistral", "Only user and assistant roles are supported!")]
    {
        let template = ChatTemplate::load(&root.join("models").join(model)).unwrap().unwrap();
        let refused = template.render(&with_system).unwrap_err();
        assert!(matches!(&refused, RenderError::Refused(words) if words == refusal), "{model}: {refused}");
    }
}
