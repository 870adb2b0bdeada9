"""Watch a model at work: metrics, logs, drift of inputs and answers, alarms."""
