"""Models behind an OpenAI-compatible server: vLLM, SGLang, LMDeploy, ``transformers serve``, or a hosted one."""
