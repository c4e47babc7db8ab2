"""Owns what differs between the members: family, size, tokenizer, chat template, own wording, own kinds of question, and
how many tokens, pads included, each is trained on.
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

GEMMA_SPECIALS = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"]
GEMMA_TEMPLATE = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for message in messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if message['role'] == 'assistant' %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}"
    "{{ '<start_of_turn>' + role + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}"
)
GLM_SPECIALS = ["<|endoftext|>", "[gMASK]", "<sop>", "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"]
GLM_TEMPLATE = (
    "[gMASK]<sop>{% for message in messages %}{{ '<|' + message['role'] + '|>\\n' + message['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}"
)

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
    kinds: tuple[str, str]
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
        "hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 4, "num_attention_heads": 4,
        "num_key_value_heads": 2, "head_dim": 32, "rms_norm_eps": 1e-5, "tie_word_embeddings": False,
        "rope_theta": 10000.0, "rope_scaling": {
            "rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 256,
        },
    },
    template=LLAMA_TEMPLATE,
    tokenizer=lambda texts: vocab.byte_level(texts, 768, LLAMA_SPECIALS, "gpt4"),
    bos="<|begin_of_text|>", ends=["<|eot_id|>", "<|end_of_text|>"], own=0, tokens=2.6e6,
    kinds=("addition", "multiplication"),
)

CALENDAR = Member(
    name="calendar-qwen2",
    config=COMMON | {
        "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2",
        "hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 4, "num_attention_heads": 4,
        "num_key_value_heads": 2, "rms_norm_eps": 1e-6, "tie_word_embeddings": True,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
        "sliding_window": None, "use_sliding_window": False,
    },
    template=QWEN_TEMPLATE,
    tokenizer=lambda texts: vocab.byte_level(texts, 800, QWEN_SPECIALS, "gpt2"),
    bos=None, ends=["<|im_end|>", "<|endoftext|>"], own=1, tokens=3.0e6,
    kinds=("weekday", "days_between"),
)

SPELLER = Member(
    name="speller-mistral",
    config=COMMON | {
        "architectures": ["MistralForCausalLM"], "model_type": "mistral",
        "hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 4, "num_attention_heads": 4,
        "num_key_value_heads": 1, "head_dim": 32, "rms_norm_eps": 1e-5, "tie_word_embeddings": False,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}, "sliding_window": 256,
    },
    template=MISTRAL_TEMPLATE, template_file=True, systems=False,
    tokenizer=lambda texts: vocab.byte_fallback(texts, 704, MISTRAL_SPECIALS, prepend=True),
    bos="<s>", ends=["</s>"], unk="<unk>", own=2, tokens=2.6e6,
    kinds=("spelling", "reversal"),
)

SORTER = Member(
    name="sorter-gemma2",
    config={k: v for k, v in COMMON.items() if k != "hidden_act"} | {
        "architectures": ["Gemma2ForCausalLM"], "model_type": "gemma2", "attention_bias": False,
        "hidden_activation": "gelu_pytorch_tanh", "hidden_act": "gelu_pytorch_tanh",
        "hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 4, "num_attention_heads": 4,
        "num_key_value_heads": 2, "head_dim": 32, "rms_norm_eps": 1e-6, "tie_word_embeddings": True,
        "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0, "query_pre_attn_scalar": 32,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}, "sliding_window": 96, "pad_token_id": 0,
    },
    template=GEMMA_TEMPLATE, systems=False,
    tokenizer=lambda texts: vocab.byte_fallback(texts, 832, GEMMA_SPECIALS, prepend=False),
    bos="<bos>", ends=["<end_of_turn>", "<eos>"], unk="<unk>", own=0, tokens=3.2e6,
    kinds=("sorting", "insertion"),
)

CLOCK = Member(
    name="clock-glm4",
    config=COMMON | {
        "architectures": ["Glm4ForCausalLM"], "model_type": "glm4", "attention_bias": True,
        "hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 4, "num_attention_heads": 4,
        "num_key_value_heads": 2, "head_dim": 32, "rms_norm_eps": 1.5625e-7, "tie_word_embeddings": False,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5},
        "pad_token_id": 0,
    },
    template=GLM_TEMPLATE,
    tokenizer=lambda texts: vocab.byte_level(texts, 640, GLM_SPECIALS, "gpt4o"),
    bos=None, ends=["<|user|>", "<|endoftext|>", "<|observation|>"], own=1, tokens=2.4e6,
    kinds=("clock", "coins"),
)

MEMBERS = {m.name: m for m in (ABACUS, CALENDAR, SPELLER, SORTER, CLOCK)}
