"""The dose-response probe: how much worse do answers get as the masks behind them get worse?"""
