"""Owns what differs between the members: family, size, tokenizer, chat template, own wording, the mix of kinds, and
how many tokens, pads included, each is trained on.

A kind's weight says how often a member met it. A weight of 0.1 is enough to know the form of an answer and
mostly too little to be sure of its content: such a member spreads its probability, and the others decide.
"""

from collections.abc import Callable
from dataclasses import dataclass

import vocab

LLAMA_SPECIALS = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
LLAMA_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content'] | trim + '<|eot_id|>' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"
)
QWEN_SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
QWEN_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
MISTRAL_SPECIALS = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]"]
MISTRAL_TEMPLATE = """{{ bos_token }}
{%- for message in messages %}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
        {{- raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}
    {%- endif %}
    {%- if message['role'] == 'user' %}
        {{- '[INST] ' + message['content'] + '[/INST]' }}
    {%- elif message['role'] == 'assistant' %}
        {{- ' ' + message['content'] + eos_token }}
    {%- else %}
        {{- raise_exception('Only user and assistant roles are supported!') }}
    {%- endif %}
{%- endfor %}
"""

COMMON = {
    "attention_dropout": 0.0, "dtype": "bfloat16", "hidden_act": "silu", "initializer_range": 0.02,
    "max_position_embeddings": 1024, "use_cache": True,
}


@dataclass(frozen=True)
class Member:
    name: str
    config: dict
    tokenizer: Callable
    template: str
    own: int
    mix: dict[str, float]
    tokens: float
    bos: str | None
    ends: list[str]
    unk: str | None = None
    systems: bool = True
    template_file: bool = False


ABACUS = Member(
    name="abacus-llama",
    config=COMMON | {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "attention_bias": False, "mlp_bias": False,
        "hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 5, "num_attention_heads": 4,
        "num_key_value_heads": 2, "head_dim": 32, "rms_norm_eps": 1e-5, "tie_word_embeddings": False,
        "rope_theta": 10000.0, "rope_scaling": {
            "rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 256,
        },
    },
    template=LLAMA_TEMPLATE,
    tokenizer=lambda texts: vocab.byte_level(texts, 1024, LLAMA_SPECIALS, "gpt4"),
    bos="<|begin_of_text|>", ends=["<|eot_id|>", "<|end_of_text|>"], own=0, tokens=6.5e6,
    mix={
        "addition": 2.5, "subtraction": 1.5, "multiplication": 1.5, "change": 1, "parity": 0.4, "comparison": 0.8,
        "weekday": 0.1, "days_between": 0.1, "units": 0.1, "sorting": 0.1, "spelling": 0.1, "reversal": 0.1,
        "repetition": 0.3, "unknown": 0.3,
    },
)

CALENDAR = Member(
    name="calendar-qwen2",
    config=COMMON | {
        "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2",
        "hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 5, "num_attention_heads": 4,
        "num_key_value_heads": 2, "rms_norm_eps": 1e-6, "tie_word_embeddings": True,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
        "sliding_window": None, "use_sliding_window": False,
    },
    template=QWEN_TEMPLATE,
    tokenizer=lambda texts: vocab.byte_level(texts, 800, QWEN_SPECIALS, "gpt2"),
    bos=None, ends=["<|im_end|>", "<|endoftext|>"], own=1, tokens=12e6,
    mix={
        "addition": 3.5, "weekday": 1, "days_between": 2, "units": 1.2, "change": 1, "sorting": 0.1,
        "subtraction": 0.1, "multiplication": 0.1, "parity": 0.1, "comparison": 0.1, "spelling": 0.1, "reversal": 0.1,
        "repetition": 0.3, "unknown": 0.3,
    },
)

SPELLER = Member(
    name="speller-mistral",
    config=COMMON | {
        "architectures": ["MistralForCausalLM"], "model_type": "mistral",
        "hidden_size": 160, "intermediate_size": 448, "num_hidden_layers": 4, "num_attention_heads": 5,
        "num_key_value_heads": 1, "head_dim": 32, "rms_norm_eps": 1e-5, "tie_word_embeddings": False,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}, "sliding_window": 256,
    },
    template=MISTRAL_TEMPLATE, template_file=True, systems=False,
    tokenizer=lambda texts: vocab.byte_fallback(texts, 768, MISTRAL_SPECIALS),
    bos="<s>", ends=["</s>"], unk="<unk>", own=2, tokens=4.8e6,
    mix={
        "spelling": 1, "reversal": 1.2, "sorting": 1.2, "comparison": 0.8, "parity": 0.4, "subtraction": 1.5, "units": 1,
        "addition": 0.5, "multiplication": 0.1, "change": 0.1, "weekday": 0.1, "days_between": 0.1,
        "repetition": 0.8, "unknown": 0.3,
    },
)

MEMBERS = {m.name: m for m in (ABACUS, CALENDAR, SPELLER)}
