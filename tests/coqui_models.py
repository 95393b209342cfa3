"""Tiny random networks of Coqui's own classes, saved as it saves them: all of its code runs, nothing is downloaded."""

import json
from pathlib import Path

RUSSIAN = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"
ENGLISH = "abcdefghijklmnopqrstuvwxyz"
IPA = "iyɨʉɯuɪʏʊeøɘəɵɤoɛœɜɞʌɔæɐaɶɑɒpbtdʈɖcɟkɡqʔɴŋɲɳnmʙrʀɾɽɸβfvθðszʃʒʂʐçʝxɣχʁħʕhɦɬɮʋɹɻjɰlɭʎˈˌːɚɫʲ"


def tiny_vits(folder: Path, language: str, phonemes: bool = False) -> None:
    """A VITS of 0.4 million parameters that speaks gibberish from letters, or from IPA."""
    import torch

    from lipsync_core.speech.engines.coqui.library import coqui

    coqui()
    from TTS.config.shared_configs import BaseAudioConfig
    from TTS.tts.configs.shared_configs import CharactersConfig
    from TTS.tts.configs.vits_config import VitsArgs, VitsConfig
    from TTS.tts.models.vits import Vits

    letters = RUSSIAN if language == "ru" else ENGLISH
    config = VitsConfig(
        model_args=VitsArgs(
            num_layers_text_encoder=1,
            hidden_channels=32,
            hidden_channels_ffn_text_encoder=64,
            num_layers_flow=1,
            upsample_initial_channel_decoder=32,
            resblock_type_decoder="2",
            resblock_kernel_sizes_decoder=[3],
            resblock_dilation_sizes_decoder=[[1, 3]],
            num_layers_posterior_encoder=1,
            init_discriminator=False,
        ),
        audio=BaseAudioConfig(sample_rate=22050),
        characters=CharactersConfig(
            characters_class="TTS.tts.models.vits.VitsCharacters",
            pad="_",
            eos="",
            bos="",
            blank="<BLNK>",
            characters=IPA if phonemes else letters,
            punctuations="!'(),-.:;? ",
            phonemes=None,
        ),
        use_phonemes=phonemes,
        phonemizer="espeak" if phonemes else None,
        phoneme_language="en-us" if phonemes else None,
        text_cleaner="basic_cleaners",
        add_blank=True,
    )
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    torch.save({"model": Vits(config).state_dict()}, folder / "model.pth")
    config.save_json(str(folder / "config.json"))


def tiny_xtts(folder: Path) -> None:
    """An XTTS with one layer; its decoder and its speaker encoder have their usual size, 22 million parameters."""
    import torch

    from lipsync_core.speech.engines.coqui.library import coqui

    coqui()
    from tokenizers import Tokenizer, models
    from TTS.tts.configs.xtts_config import XttsArgs, XttsConfig
    from TTS.tts.layers.xtts.tokenizer import VoiceBpeTokenizer
    from TTS.tts.models.xtts import Xtts

    languages = ["en", "ru"]
    marks = ["[STOP]", "[UNK]", "[SPACE]", "[START]", *(f"[{language}]" for language in languages)]
    symbols = [*marks, *ENGLISH, *RUSSIAN, *".,!?'-"]
    folder.mkdir(parents=True)
    vocabulary = {symbol: number for number, symbol in enumerate(symbols)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="[UNK]"))  # noqa: S106 no password
    tokenizer.add_special_tokens(marks)
    tokenizer.save(str(folder / "vocab.json"))
    config = XttsConfig(
        model_args=XttsArgs(
            gpt_layers=1,
            gpt_n_model_channels=64,
            gpt_n_heads=2,
            gpt_max_audio_tokens=80,
            gpt_max_text_tokens=200,
            gpt_num_audio_tokens=66,
            gpt_start_audio_token=64,
            gpt_stop_audio_token=65,
            gpt_use_perceiver_resampler=True,
            decoder_input_dim=64,
            tokenizer_file=str(folder / "vocab.json"),
        ),
        languages=languages,
    )
    torch.manual_seed(0)
    network = Xtts(config)
    network.tokenizer = VoiceBpeTokenizer(folder / "vocab.json")
    network.init_models()
    torch.save({"model": network.state_dict()}, folder / "model.pth")
    config.save_json(str(folder / "config.json"))
    json.loads((folder / "config.json").read_text())
