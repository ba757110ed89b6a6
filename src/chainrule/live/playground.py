"""The playground: every hyperparameter of the notes as a slider, and the network that comes of it."""

import marimo

app = marimo.App(width="full", app_title="chainrule: the playground")


@app.cell
def names():
    from html import escape

    import marimo as mo

    from chainrule.live import lesson
    from chainrule.live.own_data import opened

    return escape, lesson, mo, opened


@app.cell
def uploading(mo):
    upload = mo.ui.file(filetypes=[".csv", ".tsv", ".txt"], label="your CSV")
    return (upload,)


@app.cell
def data_of(lesson, mo, opened, upload):
    file = opened(mo.cli_args().get("data"), upload.value)
    names = [file.name, *lesson.DATA] if file.name else list(lesson.DATA)
    data = mo.ui.dropdown(names, value=names[0], label="data")
    first, second, last = file.usual()
    across = mo.ui.dropdown(file.columns, value=first, label="x₁, across")
    upwards = mo.ui.dropdown(file.columns, value=second, label="x₂, upwards")
    answer = mo.ui.dropdown(file.columns, value=last, label="y, the answer")
    return across, answer, data, file, upwards


@app.cell
def own_data(across, answer, data, file, upwards):
    chosen_own = bool(file.name) and data.value == file.name
    own, fault = file.examples(across.value, upwards.value, answer.value) if chosen_own else (None, "")
    return chosen_own, fault, own


@app.cell
def sliders(lesson, mo):
    alpha = mo.ui.slider(steps=lesson.RATES, value=0.3, label="α", show_value=True)
    units = mo.ui.slider(1, 8, value=4, label="units", show_value=True)
    layers = mo.ui.slider(0, 3, value=1, label="hidden layers", show_value=True)
    activation = mo.ui.dropdown(lesson.ACTIVATIONS, value="tanh", label="activation g")
    optimizer = mo.ui.dropdown(lesson.OPTIMIZERS, value="gradient descent", label="optimizer")
    batch = mo.ui.dropdown(lesson.BATCHES, value="16", label="mini-batch")
    regularization = mo.ui.slider(steps=[0, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1], value=0, label="λ", show_value=True)
    start = mo.ui.dropdown(lesson.STARTS, value="xavier", label="W starts as")
    epochs = mo.ui.slider(0, 200, value=60, label="epochs", show_value=True)
    step = mo.ui.button(value=0, on_click=lambda steps: steps + 1, label="one epoch more")
    return activation, alpha, batch, epochs, layers, optimizer, regularization, start, step, units


@app.cell
def learning(
    activation, alpha, batch, data, epochs, fault, layers, lesson, optimizer, own, regularization, start, step, units
):
    choices = lesson.Choices(
        data=data.value,
        alpha=float(alpha.value),
        units=units.value,
        layers=layers.value,
        activation=activation.value,
        optimizer=optimizer.value,
        batch=batch.value,
        regularization=float(regularization.value),
        start=start.value,
        epochs=epochs.value + step.value,
    )
    learned = None if fault else lesson.learn(choices, own)
    return (learned,)


@app.cell
def controls(
    across,
    activation,
    alpha,
    answer,
    batch,
    chosen_own,
    data,
    epochs,
    layers,
    mo,
    optimizer,
    regularization,
    start,
    step,
    units,
    upload,
    upwards,
):
    columns = [across, upwards, answer] if chosen_own else []
    chosen = [alpha, epochs, step, units, layers, activation, optimizer, batch, regularization, start]
    left = mo.vstack([data, *columns, *chosen, upload])
    return (left,)


@app.cell
def page(escape, fault, learned, left, mo, own):
    if fault:
        right = mo.callout(mo.Html(escape(fault)), kind="danger")
    else:
        told = mo.md(f"**{learned.told}**")
        data_told = [mo.Html(escape(own.told))] if own else []
        pictures = mo.hstack([mo.Html(learned.boundary()), mo.Html(learned.cost())], justify="start", wrap=True)
        network = mo.Html(f'<div style="background: #ffffff">{learned.neurons()}</div>')
        right = mo.vstack([told, *data_told, pictures, network])
    beside = f'<div style="flex: 1 1 21rem; min-width: 0">{right.text}</div>'
    controls = f'<div style="flex: 0 1 17rem">{left.text}</div>'
    mo.Html(f'<div style="display: flex; flex-wrap: wrap; gap: 1.5rem">{controls}{beside}</div>')
    return


@app.cell
def stepping(learned, mo):
    mo.stop(learned is None)
    lines = learned.lines()
    line = mo.ui.slider(1, len(lines), value=1, label="one update, line by line", show_value=True)
    next_line = mo.ui.button(value=0, on_click=lambda clicked: clicked + 1, label="next line")
    return line, lines, next_line


@app.cell
def derivation(learned, line, lines, mo, next_line):
    shown = min(line.value + next_line.value, len(lines))
    so_far = mo.plain_text("\n".join(lines[:shown]))
    whole = {"The whole derivation": mo.iframe(learned.derivation(), height="640px")}
    mo.vstack([mo.hstack([line, next_line], justify="start"), so_far, mo.accordion(whole)])
    return


if __name__ == "__main__":
    app.run()
