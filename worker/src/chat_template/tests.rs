use std::time::{Duration, Instant};

use super::*;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in files {
        std::fs::write(dir.path().join(name), content).unwrap();
    }
    dir
}

fn template(source: &str) -> ChatTemplate {
    let dir = folder(&[("chat_template.jinja", source)]);
    ChatTemplate::load(dir.path()).unwrap().unwrap()
}

fn user(content: &str) -> Vec<Message> {
    vec![Message { role: Role::User, content: content.to_owned() }]
}

fn render(source: &str) -> String {
    template(source).render(&user("Hi <b>&'\"é")).unwrap()
}

fn configured(config: &str) -> Result<Option<ChatTemplate>, TemplateLoadError> {
    ChatTemplate::load(folder(&[("tokenizer_config.json", config)]).path())
}

#[test]
fn whitespace_is_trimmed_as_transformers_does() {
    let source = "{% for m in messages %}\n    {% if true %}\n{{ m.content }}\n    {% endif %}\n{% endfor %}\nend\n";
    assert_eq!(render(source), "Hi <b>&'\"é\nend");
    assert_eq!(render("a\n\n"), "a\n");
    assert_eq!(render("a{{ '\n' }}"), "a\n");
}

#[test]
fn python_methods_loop_controls_and_namespaces_work() {
    assert_eq!(render("{{ messages[0]['content'].strip().split(' ')[0].upper().startswith('HI') }}"), "True");
    assert_eq!(
        render("{{ messages[0].content.rsplit(' ', 1)[0].removeprefix('H') }}{{ 'a:b'.partition(':')[2] }}"),
        "ib"
    );
    assert_eq!(render("{% for i in range(9) %}{% if i == 2 %}{% break %}{% endif %}{{ i }}{% endfor %}"), "01");
    assert_eq!(
        render("{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}"),
        "1"
    );
    assert_eq!(render("{% for m in messages[::-1] %}{{ loop.index0 }}{{ m.role }}{% endfor %}"), "0user");
    assert_eq!(render("{% macro f(x) %}<{{ x }}>{% endmacro %}{{ f('a') + f('b') }}"), "<a><b>");
    assert_eq!(render("{{ messages | selectattr('role', 'equalto', 'user') | list | length }}"), "1");
}

#[test]
fn what_is_not_given_is_undefined_and_prints_as_nothing() {
    assert_eq!(render("[{{ bos_token }}{{ nothing }}{{ messages[0].tool_calls }}]"), "[]");
    assert_eq!(render("{% if tools is none and documents is none and nothing is not defined %}yes{% endif %}"), "yes");
    assert_eq!(render("{% if messages[0].tool_calls %}a{% else %}b{% endif %}"), "b");
    assert!(matches!(template("{{ nothing.at.all }}").render(&user("")), Err(RenderError::Failed(_))));
}

#[test]
fn a_generation_block_is_only_a_scope() {
    let source = "{% set x = 1 %}{%- generation -%}\n{% set x = 2 %}{{ x }}\n{%- endgeneration %}\n{% generation %}b{% endgeneration %}{{ x }}";
    assert_eq!(render(source), "2b1");
}

#[test]
fn json_is_pythons() {
    let value = r#"{"b": "<é'\n\u0001>", "a": [1, 2.0, true, none], "e": {}, "l": []}"#;
    let cases = [
        ("tojson", r#"{"b": "<é'\n\u0001>", "a": [1, 2.0, true, null], "e": {}, "l": []}"#),
        ("tojson(ensure_ascii=true)", r#"{"b": "<\u00e9'\n\u0001>", "a": [1, 2.0, true, null], "e": {}, "l": []}"#),
        (
            "tojson(separators=(',', ':'), sort_keys=true)",
            r#"{"a":[1,2.0,true,null],"b":"<é'\n\u0001>","e":{},"l":[]}"#,
        ),
        (
            "tojson(indent=2)",
            "{\n  \"b\": \"<é'\\n\\u0001>\",\n  \"a\": [\n    1,\n    2.0,\n    true,\n    null\n  ],\n  \"e\": {},\n  \"l\": []\n}",
        ),
    ];
    for (filter, expected) in cases {
        assert_eq!(render(&format!("{{{{ {value} | {filter} }}}}")), expected, "{filter}");
    }
    assert!(template("{{ nothing | tojson }}").render(&user("")).is_err());
}

#[test]
fn strftime_now_formats_the_day() {
    let today = chrono::Local::now().format("%d %b %Y").to_string();
    assert_eq!(render("{{ strftime_now('%d %b %Y') }}"), today);
    assert!(template("{{ strftime_now('%Q!') }}").render(&user("")).is_err());
}

#[test]
fn a_refusal_carries_the_templates_words() {
    for source in [
        "{{ raise_exception('System role not supported') }}",
        "{% macro f() %}{{ raise_exception('System role not supported') }}{% endmacro %}{{ f() }}",
        "{% for m in messages %}{% if true %}{{ raise_exception('System role ' + 'not supported') }}{% endif %}{% endfor %}",
    ] {
        let error = template(source).render(&user("")).unwrap_err();
        assert!(matches!(&error, RenderError::Refused(words) if words == "System role not supported"), "{error:?}");
    }
}

#[test]
fn the_template_file_goes_before_the_configuration() {
    let config = r#"{"chat_template": "from the configuration"}"#;
    let both = folder(&[("tokenizer_config.json", config), ("chat_template.jinja", "from the file")]);
    assert_eq!(ChatTemplate::load(both.path()).unwrap().unwrap().render(&[]).unwrap(), "from the file");
    assert_eq!(configured(config).unwrap().unwrap().render(&[]).unwrap(), "from the configuration");
}

#[test]
fn a_list_of_templates_serves_its_default() {
    let list = r#"{"chat_template": [{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}]}"#;
    assert_eq!(configured(list).unwrap().unwrap().render(&[]).unwrap(), "d");
    let no_default = r#"{"chat_template": [{"name": "tool_use", "template": "t"}]}"#;
    assert!(configured(no_default).unwrap().is_none());
}

#[test]
fn special_tokens_are_strings_objects_or_absent() {
    let config = r#"{"bos_token": {"__type": "AddedToken", "content": "<s>"}, "eos_token": "</s>", "pad_token": null,
        "chat_template": "{{ bos_token }}|{{ eos_token }}|{{ pad_token }}|{{ pad_token is defined }}"}"#;
    assert_eq!(configured(config).unwrap().unwrap().render(&[]).unwrap(), "<s>|</s>||False");
}

#[test]
fn a_folder_without_a_template_is_no_error_and_a_broken_one_is() {
    assert!(ChatTemplate::load(folder(&[]).path()).unwrap().is_none());
    assert!(configured(r#"{"chat_template": null}"#).unwrap().is_none());
    for broken in ["{% if %}", "{{ a", "{% endfor %}", "{% nonsense %}"] {
        let dir = folder(&[("chat_template.jinja", broken)]);
        let loaded = ChatTemplate::load(dir.path());
        assert!(matches!(loaded, Err(TemplateLoadError::Broken { .. })), "{broken}");
    }
    assert!(matches!(configured("{"), Err(TemplateLoadError::NotJson { .. })));
    assert!(matches!(configured(r#"{"chat_template": 3}"#), Err(TemplateLoadError::NotATemplate(_))));
}

const HOSTILE: &[&str] = &[
    "{% for a in range(10**9) %}{% for b in range(10**9) %}{% endfor %}{% endfor %}",
    "{% for a in range(99999) %}{% for b in range(99999) %}{% set c = a * b %}{% endfor %}{% endfor %}",
    "{{ 'a' * 10**10 }}",
    "{{ ('a' * 10**7) }}",
    "{% set ns = namespace(s='a') %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s }}",
    "{% set ns = namespace(s='a') %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s }}",
    "{% set ns = namespace(l=[1]) %}{% for i in range(99) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}",
    "{% set ns = namespace(l=[1]) %}{% for i in range(22) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l | tojson }}",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "{% macro f(n) %}{{ f(n) }}{{ f(n) }}{% endmacro %}{{ f(1) }}",
    "{% include 'chat_template' %}",
    "{% extends 'chat_template' %}",
    "{% for a in [[1]] recursive %}{{ loop([a]) }}{% endfor %}",
    "{{ 'x'.replace('', 'y' * 1000000).replace('', 'z' * 1000000) }}",
    "{{ 'x' | indent(10**9, true) }}",
    "{{ '%1000000000d' | format(1) }}",
    "{{ '{:1000000000}'.format(1) }}",
    "{{ '{:{}}'.format(1, 1000000000) }}",
    "{{ ('a' * 1000000).join(range(99999)) }}",
    "{{ range(99999) | map('string') | join('a' * 1000000) }}",
    "{{ [1] | tojson(indent=10**9) }}",
    "{{ [1] * 10**9 }}",
    "{% for a in range(99999) %}{{ messages | tojson }}{% endfor %}",
    "{% for a in range(99999) %}{{ messages[0].content }}{% endfor %}",
];

const DEEP_VALUES: &[&str] =
    &["[ns.l]", "{'a': ns.l}", "(ns.l,)", "ns.l | list | batch(1)", "dict(a=ns.l)", "namespace(a=ns.l)"];

const DEEP_USES: &[&str] = &[
    "done",
    "{{ ns.l }}",
    "{{ ns.l | string | length }}",
    "{{ ns.l | tojson }}",
    "{{ '%s' | format(ns.l) }}",
    "{{ ns.l in [ns.l] }}",
    "{{ [ns.l, ns.l] | sort | length }}",
    "{{ ns.l ~ ns.l }}",
    "{{ raise_exception(ns.l | string) }}",
];

#[test]
fn a_hostile_template_ends_soon_and_small() {
    let content = "x".repeat(1 << 20);
    for source in HOSTILE {
        let started = Instant::now();
        let rendered = template(source).render(&user(&content));
        let took = started.elapsed();
        assert!(rendered.is_err(), "{source}");
        assert!(took < Duration::from_secs(5), "{source} took {took:?}");
    }
}

#[test]
fn a_deep_value_does_not_overflow_the_stack() {
    for value in DEEP_VALUES {
        for used in DEEP_USES {
            let loops = "{% for i in range(4) %}{% for a in range(50000) %}";
            let source = format!(
                "{{% set ns = namespace(l=[]) %}}{loops}{{% set ns.l = {value} %}}{{% if a == 49000 and i == 1 %}}{used}{{% endif %}}{{% endfor %}}{{% endfor %}}"
            );
            let many = vec![Message { role: Role::User, content: String::new() }; 10_000];
            let _ = template(&source).render(&many);
        }
    }
}

#[test]
fn a_syntax_that_nests_deeply_does_not_overflow_the_stack() {
    let nested = [
        ("(", ")"),
        ("[", "]"),
        ("not ", ""),
        ("-", ""),
        ("{1:", "}"),
        ("a if b else ", ""),
        ("a**", ""),
        ("", "[1]"),
        ("a and ", ""),
        ("a~", ""),
    ];
    for (open, close) in nested {
        let levels = 24_000 / (open.len() + close.len());
        let source = format!("{{{{ {}1{} }}}}", open.repeat(levels), close.repeat(levels));
        let dir = folder(&[("chat_template.jinja", &source)]);
        let _ = ChatTemplate::load(dir.path());
    }
    let blocks = format!("{}{}", "{%if 1%}".repeat(1_500), "{%endif%}".repeat(1_500));
    let _ = ChatTemplate::load(folder(&[("chat_template.jinja", &blocks)]).path());
}

#[test]
fn messages_longer_than_the_limit_are_too_long() {
    let rendered = template("{{ messages[0].content }}").render(&user(&"x".repeat(MAX_RENDERED + 1)));
    assert!(matches!(rendered, Err(RenderError::TooLong)));
}

#[test]
fn a_long_conversation_has_the_fuel_it_needs() {
    let source = "{% for m in messages %}{% for n in range(40) %}{% if n > 60 %}x{% endif %}{% endfor %}{{ m.content | trim }}{% endfor %}";
    let messages: Vec<_> = (0..2_000).flat_map(|_| user("hello there")).collect();
    assert_eq!(template(source).render(&messages).unwrap().len(), 2_000 * 11);
}

#[test]
fn a_rendering_that_comes_to_no_end_is_left_behind_and_so_are_only_a_few() {
    let doubled = "{% set ns = namespace(a=[1], b=[1]) %}{% for _ in range(DEPTH) %}\
        {% set ns.a = [ns.a, ns.a] %}{% set ns.b = [ns.b, ns.b] %}{% endfor %}{{ ns.a == ns.b }}";
    let slow = template(&doubled.replace("DEPTH", "20"));
    for _ in 0..MAX_ABANDONED {
        let rendered = slow.render_within(&user("a"), Duration::from_millis(1));
        assert!(matches!(rendered, Err(RenderError::TooSlow)), "{rendered:?}");
    }
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        match slow.render(&user("a")) {
            Err(RenderError::Abandoned) => assert!(Instant::now() < deadline, "they never end"),
            rendered => break assert_eq!(rendered.unwrap(), "True"),
        }
    }
}

#[test]
fn a_panic_of_the_engine_is_an_error_that_repeats_nothing_of_it() {
    let error = on_a_deep_stack::<()>(|| panic!("s3cret")).unwrap_err();
    assert_eq!(error.to_string(), Panicked.to_string());
}
