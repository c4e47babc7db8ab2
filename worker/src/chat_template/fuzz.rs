//! Templates that nobody would publish, over conversations that nobody would hold: each renders, or is refused with an error of the
//! right kind, and the engine never panics.
//!
//! A list that holds one value twice is not built over and over: what that costs is bounded by a deadline alone.

mod pieces;

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use specfuse_malformed as malformed;

use self::pieces::{BINARY, BROKEN, FILTERS, LEAVES, METHODS, TESTS, TEXTS};
use super::*;

fn piece(pieces: &'static [&'static str]) -> impl Strategy<Value = String> + Clone {
    prop::sample::select(pieces).prop_map(str::to_owned)
}

fn expression() -> impl Strategy<Value = String> + Clone {
    piece(LEAVES).prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            3 => (inner.clone(), piece(BINARY), inner.clone()).prop_map(|(a, operator, b)| format!("({a}{operator}{b})")),
            3 => (inner.clone(), piece(FILTERS)).prop_map(|(a, filter)| format!("({a} | {filter})")),
            1 => (inner.clone(), piece(TESTS)).prop_map(|(a, test)| format!("({a} is {test})")),
            3 => (inner.clone(), piece(METHODS)).prop_map(|(a, method)| format!("{a}{method}")),
            1 => inner.clone().prop_map(|a| format!("not {a}")),
            1 => (inner.clone(), piece(LEAVES)).prop_map(|(a, key)| format!("{{{key}: {a}}}")),
            1 => inner.clone().prop_map(|a| format!("[{a}, 1]")),
            1 => inner.clone().prop_map(|a| format!("f({a})")),
            1 => inner.clone().prop_map(|a| format!("strftime_now({a})")),
            1 => inner.prop_map(|a| format!("raise_exception({a})")),
        ]
    })
}

fn block() -> impl Strategy<Value = String> {
    let shown = expression().prop_map(|shown| format!("{{{{ {shown} }}}}"));
    let leaf = prop_oneof![3 => piece(TEXTS), 5 => shown, 2 => piece(BROKEN)];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let body = prop::collection::vec(inner, 0..4).prop_map(|blocks| blocks.concat()).boxed();
        let over = || (expression(), body.clone());
        prop_oneof![
            2 => over().prop_map(|(list, body)| format!("{{% for m in {list} %}}{body}{{% endfor %}}")),
            2 => body.clone().prop_map(|body| format!("{{% for m in messages %}}{body}{{% else %}}a{{% endfor %}}")),
            1 => over().prop_map(|(list, body)| format!("{{% for m in {list} if m recursive %}}{body}{{{{ loop(m) }}}}{{% endfor %}}")),
            2 => over().prop_map(|(test, body)| format!("{{%- if {test} -%}}{body}{{%- elif x %}}{{% else %}}{body}{{% endif -%}}")),
            2 => over().prop_map(|(value, body)| format!("{{% set x = {value} %}}{body}")),
            2 => over().prop_map(|(value, body)| format!("{{% set ns.s = {value} %}}{body}")),
            1 => over().prop_map(|(value, body)| format!("{{% set ns.l = [ns.l, 1] %}}{{% set x, ns.s = {value} %}}{body}")),
            1 => body.clone().prop_map(|body| format!("{{% set x %}}{body}{{% endset %}}")),
            1 => over().prop_map(|(default, body)| format!("{{% macro f(a, m={default}) %}}{body}{{% endmacro %}}{{{{ f(1) }}}}")),
            1 => body.clone().prop_map(|body| format!("{{% call f(1) %}}{body}{{% endcall %}}")),
            1 => body.clone().prop_map(|body| format!("{{% filter upper %}}{body}{{% endfilter %}}")),
            1 => over().prop_map(|(value, body)| format!("{{% with x = {value} %}}{body}{{% endwith %}}")),
            1 => body.clone().prop_map(|body| format!("{{% generation %}}{body}{{% endgeneration %}}")),
            1 => body.clone().prop_map(|body| format!("{{% block b %}}{body}{{% endblock %}}")),
            1 => body.prop_map(|body| format!("{{% raw %}}{body}{{% endraw %}}")),
        ]
    })
}

fn conversation() -> impl Strategy<Value = Vec<Message>> {
    let long = (malformed::fragments(TEXTS, 3), 1usize..20_000).prop_map(|(text, times)| text.repeat(times));
    let content = prop_oneof![30 => malformed::fragments(TEXTS, 6), 1 => long];
    let message = (prop::sample::select(Role::ALL.to_vec()), content);
    prop::collection::vec(message.prop_map(|(role, content)| Message { role, content }), 0..6)
}

/// Of the bundled models, and of some families that are well known.
static PUBLISHED: LazyLock<Vec<String>> = LazyLock::new(|| {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    let folders = std::fs::read_dir(models).unwrap().map(|entry| entry.unwrap().path());
    let found = folders
        .filter(|folder| folder.join("config.json").exists())
        .filter_map(|folder| source::find(&folder).unwrap());
    let mut templates: Vec<String> = found.map(|found| found.template).collect();
    templates.extend(WELL_KNOWN.map(str::to_owned));
    templates
});
const WELL_KNOWN: [&str; 3] = [
    "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}",
    "{%- if messages[0]['role'] == 'system' %}{%- set system_message = messages[0]['content'] %}{%- set loop_messages = messages[1:] %}{%- else %}{%- set loop_messages = messages %}{%- endif %}{%- set ns = namespace(index=0) %}{%- for message in loop_messages %}{%- if (message['role'] == 'user') != (ns.index % 2 == 0) %}{{- raise_exception('roles must alternate') }}{%- endif %}{%- set ns.index = ns.index + 1 %}{{- '[INST] ' + message['content'].strip() + ' [/INST]' }}{%- endfor %}",
    "{%- if tools %}{%- for tool in tools %}{{- \"\\n\" }}{{- tool | tojson }}{%- endfor %}{%- endif %}{%- for message in messages[::-1] %}{%- set index = (messages|length - 1) - loop.index0 %}{%- if message.content is string and not(message.content.startswith('<tool>') and message.content.endswith('</tool>')) %}{{- message.content.split('</think>')[-1].lstrip('\\n') }}{%- endif %}{%- endfor %}{{ strftime_now('%d %b %Y') }}",
];

/// Compiles and renders; no error may be one that hides a panic.
fn render((source, messages): (String, Arc<[Message]>)) {
    let template = match ChatTemplate::from_source(&source) {
        Ok(template) => template,
        Err(TemplateLoadError::Broken { .. } | TemplateLoadError::TooLong { .. }) => return,
        Err(error) => panic!("{error:?}"),
    };
    match template.render(&messages) {
        Ok(text) => assert!(text.len() <= MAX_RENDERED),
        Err(RenderError::Refused(_) | RenderError::Failed(_) | RenderError::TooLong) => {}
        Err(
            error @ (RenderError::TooSlow
            | RenderError::Abandoned
            | RenderError::Panicked(_)
            | RenderError::NoThread(_)),
        ) => {
            panic!("{error:?}")
        }
    }
}

proptest! {
    #![proptest_config(malformed::config())]

    #[test]
    fn fuzz_a_template_of_any_pieces_renders_or_is_refused(
        blocks in prop::collection::vec(block(), 0..4),
        messages in conversation(),
    ) {
        let source = format!("{{% set ns = namespace(s='', l=[]) %}}{}", blocks.concat());
        malformed::soon(&(source, messages.into()), render);
    }

    #[test]
    fn fuzz_a_changed_template_of_a_published_model_renders_or_is_refused(
        source in prop::sample::select(&PUBLISHED[..]).prop_flat_map(|valid| malformed::text(&valid)),
        messages in conversation(),
    ) {
        malformed::soon(&(source, messages.into()), render);
    }
}
