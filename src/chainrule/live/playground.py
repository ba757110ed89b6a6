"""The playground: every hyperparameter of the notes as a slider, and the network that comes of it."""

import marimo

app = marimo.App(width="full", app_title="chainrule: the playground")


@app.cell
def names():
    import marimo as mo

    from chainrule.live import lesson

    return lesson, mo


@app.cell
def sliders(lesson, mo):
    data = mo.ui.dropdown(lesson.DATA, value=lesson.DATA[0], label="data")
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
    return activation, alpha, batch, data, epochs, layers, optimizer, regularization, start, step, units


@app.cell
def learning(activation, alpha, batch, data, epochs, layers, lesson, optimizer, regularization, start, step, units):
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
    learned = lesson.learn(choices)
    return (learned,)


@app.cell
def page(activation, alpha, batch, data, epochs, layers, learned, mo, optimizer, regularization, start, step, units):
    chosen = [data, alpha, epochs, step, units, layers, activation, optimizer, batch, regularization, start]
    pictures = mo.hstack([mo.Html(learned.boundary()), mo.Html(learned.cost())], justify="start", wrap=True)
    told = mo.md(f"**{learned.told}**")
    network = mo.Html(f'<div style="background: #ffffff">{learned.neurons()}</div>')
    right = mo.vstack([told, pictures, network])
    left = f'<div style="flex: 0 1 17rem">{mo.vstack(chosen).text}</div>'
    beside = f'<div style="flex: 1 1 21rem; min-width: 0">{right.text}</div>'
    mo.Html(f'<div style="display: flex; flex-wrap: wrap; gap: 1.5rem">{left}{beside}</div>')
    return


@app.cell
def stepping(learned, mo):
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
