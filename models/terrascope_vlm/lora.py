"""Training of large models: low-rank adapters of the language model by peft, and the small parts whole.

Trained are adapters of all linear layers of the language model; the projector, the mask decoder, the projection of
``[SEG]`` and the embedding of an empty mask in full; of the words only the row of ``[SEG]``, in the embedding and,
where it is a weight of its own, in the head. peft takes seconds to import, so it is imported where it is needed.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from terrascope_vlm.checkpoints import CheckpointError, refuse_other_keys
from terrascope_vlm.modeling import TerraScopeForReasoning

ADAPTED = r"vlm\.model\.language_model\..*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"
WHOLE = ("multi_modal_projector", "mask_decoder", "seg_projection", "nothing")
WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"  # the names that peft gives them


def with_lora(model: TerraScopeForReasoning, rank: int = 64, alpha: float = 128.0, dropout: float = 0.0) -> Any:
    """``model`` as a ``peft.PeftModel`` that trains what the module says and nothing else.

    It is called as the model is, and ``.base_model.model`` is the model. At the start it answers as before.
    """
    from peft import LoraConfig, get_peft_model

    seg = model.config.seg_token_id
    if seg is None:
        raise ValueError("config.seg_token_id is None; expected the id of '[SEG]', as from_parts sets it")
    rows = {"embed_tokens": [seg]}
    if not model.config.tie_word_embeddings:
        rows["lm_head"] = [seg]
    config = LoraConfig(
        r=rank,
        lora_alpha=alpha,
        lora_dropout=dropout,
        target_modules=ADAPTED,
        modules_to_save=list(WHOLE),
        trainable_token_indices=rows,
    )
    if not any(re.fullmatch(ADAPTED, name) for name, _ in model.named_modules()):
        raise ValueError(f"no layer of the language model has a name like {ADAPTED}; it needs names of its own here")
    return get_peft_model(model, config)


def save_adapter(model: Any, folder: str | Path) -> None:
    """Write what ``with_lora`` trains, as safetensors with peft's configuration beside it."""
    from peft import get_peft_model_state_dict

    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    weights = get_peft_model_state_dict(model, save_embedding_layers=False)
    save_file({name: weight.detach().contiguous() for name, weight in weights.items()}, target / WEIGHTS)
    config = model.peft_config[model.active_adapter]
    config.base_model_name_or_path = None  # where the model lay on this machine is of no use elsewhere
    config.save_pretrained(target)


def load_adapter(model: TerraScopeForReasoning, folder: str | Path, *, trainable: bool = False) -> Any:
    """``model`` with the adapter that ``save_adapter`` wrote. ``CheckpointError`` if it is none or another model's."""
    from peft import PeftConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict

    source = Path(folder)
    for name in (CONFIG, WEIGHTS):
        if not (source / name).is_file():
            raise CheckpointError(
                f"{source} has no {name}; expected a folder written by terrascope_vlm.lora.save_adapter"
            )
    config = PeftConfig.from_pretrained(str(source))
    config.inference_mode = not trainable
    adapted = get_peft_model(model, config)
    weights = load_file(source / WEIGHTS)
    expected = get_peft_model_state_dict(adapted, save_embedding_layers=False)
    refuse_other_keys(
        source,
        expected.keys() - weights.keys(),
        weights.keys() - expected.keys(),
        [name for name in expected.keys() & weights.keys() if expected[name].shape != weights[name].shape],
        "it is the adapter of another model",
    )
    set_peft_model_state_dict(adapted, weights)
    return adapted if trainable else adapted.eval()


def merged(model: Any) -> TerraScopeForReasoning:
    """The model itself, its weights changed as the adapter says; ``model`` is used up. It answers the same."""
    found: TerraScopeForReasoning = model.merge_and_unload()
    found.requires_grad_(True)
    return found.eval()
