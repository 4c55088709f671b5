import subprocess
import sys

import numpy as np
import pytensor
import pytest

from charrnn.model.objective import clip_norm, clip_value
from charrnn.model.optimizers import OPTIMIZERS, hyperparameters, rmsprop
from charrnn.settings.hyper import HyperParams
from tests.helpers import plain_function, symbol

# p = torch.nn.Parameter(torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64))
# optimizer = {
#     "sgd": lambda: torch.optim.SGD([p], lr=0.1),
#     "momentum": lambda: torch.optim.SGD([p], lr=0.1, momentum=0.8),
#     "nesterov": lambda: torch.optim.SGD([p], lr=0.1, momentum=0.8, nesterov=True),
#     "rmsprop": lambda: torch.optim.RMSprop([p], lr=0.1, alpha=0.9, eps=0.0),
#     "adagrad": lambda: torch.optim.Adagrad([p], lr=0.1, eps=0.0),
#     "adam": lambda: torch.optim.Adam([p], lr=0.1, betas=(0.8, 0.999), eps=1e-8),
#     "adamw": lambda: torch.optim.AdamW([p], lr=0.1, betas=(0.8, 0.999), eps=1e-8, weight_decay=0.3),
# }[name]()
# for k in range(3):
#     p.grad = (p.detach() - torch.tensor([0.5, 1.0, 7.0], dtype=torch.float64)) * (k + 1)
#     optimizer.step()
# print(p)
TORCH = {
    "sgd": [0.752, -0.512, 4.984],
    "momentum": [0.62, 0.28, 6.04],
    "nesterov": [0.527904, 0.832576, 6.776768],
    "rmsprop": [0.50658662887078, -1.157341283516, 3.84788945526866],
    "adagrad": [0.74440709756413, -1.73210923668604, 3.26834070384915],
    "adam": [0.69882492492304, -1.70157171126996, 3.2982595718853],
    "adamw": [0.62026693473946, -1.53539940301362, 3.02695591905509],
}
SAME_EPSILON = {"rmsprop": {"epsilon": 0.0}, "adagrad": {"epsilon": 0.0}}  # torch adds it outside the root


def test_every_optimizer_is_compared():
    assert set(TORCH) == set(OPTIMIZERS)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_what_an_optimizer_takes_are_hyperparameters(name):
    assert set(hyperparameters(name)) <= set(HyperParams.names())


def test_the_names_are_there_without_pytensor():
    code = (
        "import sys; from charrnn import HyperParams; HyperParams(optimizer='adam'); print('pytensor' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("name", TORCH)
def test_three_steps_are_torchs(name):
    p = pytensor.shared(np.array([1.0, -2.0, 3.0]), shape=(3,))
    count = symbol("count", np.array(1.0))
    gradient = (p - np.array([0.5, 1.0, 7.0])) * count
    hyper = {"decay": 0.9, "momentum": 0.8, "weight_decay": 0.3} | SAME_EPSILON.get(name, {})
    own = {option: value for option, value in hyper.items() if option in hyperparameters(name)}
    updates, _ = OPTIMIZERS[name](p, gradient, learnrate=0.1, count=count, **own)
    with pytensor.config.change_flags(cxx=""):
        step = pytensor.function([count], [], updates=list(updates.items()), mode="FAST_COMPILE")
    for k in range(3):
        step(k + 1.0)
    np.testing.assert_allclose(p.get_value(), TORCH[name], rtol=1e-12)


def test_epsilon_is_inside_the_root():
    p = pytensor.shared(np.zeros(2))
    updates, _ = rmsprop(p, pytensor.shared(np.array([0.0, 1e-3])), learnrate=1.0, decay=0.5, epsilon=1e-6)
    np.testing.assert_allclose(plain_function([], updates[p])(), [0, -1e-3 / np.sqrt(0.5e-6 + 1e-6)])


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("symbolic_rate", [False, True])
def test_float32_stays_float32(name, symbolic_rate):
    p = pytensor.shared(np.ones(3, "float32"), shape=(3,))
    rate = pytensor.shared(np.float32(0.1)) if symbolic_rate else 0.1
    with pytensor.config.change_flags(floatX="float32"):
        updates, slots = OPTIMIZERS[name](p, p * 2, rate, count=pytensor.shared(np.float32(1)))
    assert p in updates
    assert set(slots.values()) == set(updates) - {p}
    for shared, new in updates.items():
        assert shared.type.dtype == new.type.dtype == "float32"
        assert shared.get_value().shape == (3,)


def test_clipping_each_element():
    g = np.array([-7.0, -5, 0, 4.9, np.inf, np.nan])
    g_ = symbol("g", g)
    np.testing.assert_array_equal(plain_function([g_], clip_value(g_, 5.0))(g), [-5, -5, 0, 4.9, 5, np.nan])


# p.grad = torch.tensor([3.0, -4.0, 12.0]); torch.nn.utils.clip_grad_norm_([p], bound); print(p.grad)
@pytest.mark.parametrize(
    ("bound", "expected"), [(5.0, [1.153846065088764, -1.538461420118352, 4.615384260355057]), (20.0, [3, -4, 12])]
)
def test_clipping_the_norm_is_torchs(bound, expected):
    g = np.array([3.0, -4.0, 12.0])
    g_ = symbol("g", g)
    got = plain_function([g_], clip_norm(g_, (g_**2).sum() ** 0.5, bound))(g)
    np.testing.assert_allclose(got, expected, rtol=1e-6)  # torch adds 1e-6 to the norm


def test_a_gradient_of_nothing_is_not_divided_by_its_norm():
    g = np.zeros(3)
    g_ = symbol("g", g)
    np.testing.assert_array_equal(plain_function([g_], clip_norm(g_, (g_**2).sum() ** 0.5, 5.0))(g), g)
