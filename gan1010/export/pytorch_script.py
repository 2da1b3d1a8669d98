"""A run as a program of its own: complete, in plain PyTorch, with nothing in it but what this configuration needs."""

from string import Template

from gan1010.config import TrainConfig

HEADER = Template('''"""$title

This is one training of gan1010 as a program of its own. It needs PyTorch and nothing else:

    pip install torch

$story

PyTorch draws other random numbers than gan1010 does, so the figures differ a little from those of the job.
"""

import torch
from torch import nn

PATTERN = "$pattern"
SPREAD = $spread  # real data lies in [$one, 1] where the pattern has a 1, and in [0, $spread] where it has a 0
HIDDEN_SIZE = $hidden_size  # units in the hidden layer of a network
$rates
ITERATIONS = $iterations
TENTH = max(ITERATIONS // 10, 1)
SEED = $seed  # of all random numbers: the same seed gives the same result

torch.manual_seed(SEED)
''')

STORIES = {
    "gan": """\
Two networks train against each other. The discriminator D learns to tell real data from what the generator G makes,
and G learns to make what D takes for real. G never sees real data, only how D's opinion of its own work changes.""",
    "discriminator": """\
One network, the discriminator D, learns to tell real data from noise: its answer should be 1 to what is real, and 0 to
noise. This is the test that D can learn at all, before a generator trains against it.""",
}
TITLES = {
    "gan": "A generative adversarial network that learns to make the pattern $pattern.",
    "discriminator": "A discriminator that learns to tell the pattern $pattern from noise.",
}

PARTS = Template('''
ONES = torch.tensor([bit == "1" for bit in PATTERN])
LOWEST = torch.where(ONES, 1 - SPREAD, 0.0)
HIGHEST = torch.where(ONES, 1.0, SPREAD)


def real_sample():
    """Real data: each number is drawn from its range."""
    return LOWEST + (HIGHEST - LOWEST) * torch.rand(len(PATTERN))


${sources}def network(inputs, outputs):
    """Two layers in which each unit sees all of the layer before, each followed by a sigmoid."""
    return nn.Sequential(
        nn.Linear(inputs, HIDDEN_SIZE),
        nn.Sigmoid(),
        nn.Linear(HIDDEN_SIZE, outputs),
        nn.Sigmoid(),
    )


$networks

loss_function = nn.$loss()  # $loss_meaning
$optimizers

REAL, FAKE = torch.tensor([1.0]), torch.tensor([0.0])  # what D should answer


def learn(optimizer, answer, target):
    """Change the optimizer's network a little, so that D's answer comes nearer to the target."""
    loss = loss_function(answer, target)
    optimizer.zero_grad()  # forget the gradients of the step before
    loss.backward()
    optimizer.step()
    return loss.item()

''')

NOISE = '''def noise():
    """What is not real data: numbers from anywhere between 0 and 1."""
    return torch.rand(len(PATTERN))


'''
LATENTS = {
    "uniform": ("torch.rand(1)", "a number between 0 and 1, another each time"),
    "normal": ("torch.randn(1)", "a number around 0, another each time"),
}

GAN_TRAINING = Template("""
print("iteration  D on real  D on fake  generator   what G makes of $value")
means = torch.zeros(3)  # of the losses over the last tenth

for iteration in range(1, ITERATIONS + 1):
    # 1. D sees real data, and should answer 1.
    real_loss = learn(discriminator_optimizer, discriminator(real_sample()), REAL)

    # 2. D sees what G makes, and should answer 0. Detached: G is not to learn from this.
    made = generator($fed).detach()
    fake_loss = learn(discriminator_optimizer, discriminator(made), FAKE)

    # 3. G makes another, and D should take it for real. The error goes back through D, but only G changes.
    made = generator($fed)
    generator_loss = learn(generator_optimizer, discriminator(made), REAL)

    losses = real_loss, fake_loss, generator_loss
    if iteration > ITERATIONS - TENTH:
        means += torch.tensor(losses) / TENTH
    if iteration % TENTH == 0:
        with torch.no_grad():
            sample = generator($shown)
        numbers = "  ".join(f"{number:.2f}" for number in sample.tolist())
        print(f"{iteration:9,}", *(f"{loss:10.3f}" for loss in losses), f"  {numbers}")

with torch.no_grad():
    sample = generator($shown)
bits = "".join("1" if number >= 0.5 else "0" for number in sample.tolist())
in_range = bool(((sample >= LOWEST) & (sample <= HIGHEST)).all())

print()
print("G makes of $value:", "  ".join(f"{number:.3f}" for number in sample.tolist()))
print("As bits:", bits, "(the pattern)" if bits == PATTERN else f"(the pattern is {PATTERN})")
print("In the range of real data:", "yes" if in_range else "no")
print("Mean losses:", "  ".join(f"{mean:.3f}" for mean in means.tolist()), " (D on real, D on fake, generator)")
""")

DISCRIMINATOR_TRAINING = """
print("iteration  D on real  D on noise")
means = torch.zeros(2)  # of the losses over the last tenth

for iteration in range(1, ITERATIONS + 1):
    # 1. D sees real data, and should answer 1.
    real_loss = learn(discriminator_optimizer, discriminator(real_sample()), REAL)

    # 2. D sees noise, and should answer 0.
    noise_loss = learn(discriminator_optimizer, discriminator(noise()), FAKE)

    losses = real_loss, noise_loss
    if iteration > ITERATIONS - TENTH:
        means += torch.tensor(losses) / TENTH
    if iteration % TENTH == 0:
        print(f"{iteration:9,}", *(f"{loss:10.3f}" for loss in losses))

with torch.no_grad():
    print()
    print(f"D answers to real data: {discriminator(real_sample()).item():.2f}")
    print(f"D answers to noise: {discriminator(noise()).item():.2f}")
print("Mean losses:", "  ".join(f"{mean:.3f}" for mean in means.tolist()), " (on real data, on noise)")
"""

LOSSES = {
    "mse": ("MSELoss", "mean squared error: how far the answer is from the target, squared"),
    "bce": ("BCELoss", "binary cross-entropy: how surprised one would be by the target, given the answer"),
}
OPTIMIZERS = {"sgd": "SGD", "adam": "Adam"}


def pytorch_script(config: TrainConfig) -> str:
    """The program that trains with these settings, one sample at a time, as the article does."""
    adversarial = config.experiment == "gan"
    header = HEADER.substitute(
        title=Template(TITLES[config.experiment]).substitute(pattern=config.pattern),
        story=STORIES[config.experiment],
        pattern=config.pattern,
        spread=config.spread,
        one=f"{1 - config.spread:g}",
        hidden_size=config.hidden_size,
        rates="\n".join(f"{name} = {rate}" for name, rate in _rates(config).items()),
        iterations=f"{config.iterations:_}",
        seed=config.seed,
    )
    loss, loss_meaning = LOSSES[config.loss]
    parts = PARTS.substitute(
        sources=_sources(config),
        networks=_networks(adversarial),
        loss=loss,
        loss_meaning=loss_meaning,
        optimizers=_optimizers(config),
    )
    return header + parts + (_gan_training(config) if adversarial else DISCRIMINATOR_TRAINING)


def _rates(config: TrainConfig) -> dict[str, float]:
    """The constants of the learning rates: one where there is but one."""
    if config.experiment == "discriminator" or config.generator_learning_rate in (None, config.learning_rate):
        return {"LEARNING_RATE": config.learning_rate}
    assert config.generator_learning_rate is not None  # a config is complete  # noqa: S101  # nosec B101
    return {
        "DISCRIMINATOR_LEARNING_RATE": config.learning_rate,
        "GENERATOR_LEARNING_RATE": config.generator_learning_rate,
    }


def _sources(config: TrainConfig) -> str:
    """What is not real data, where that is drawn at random."""
    if config.experiment == "discriminator":
        return NOISE
    if config.latent == "constant":
        return ""
    draw, meaning = LATENTS[config.latent]
    return f'def latent():\n    """What G is fed while it trains: {meaning}."""\n    return {draw}\n\n\n'


def _networks(adversarial: bool) -> str:
    lines = ["discriminator = network(inputs=len(PATTERN), outputs=1)  # a sample -> 0 fake to 1 real"]
    if adversarial:
        lines.append("generator = network(inputs=1, outputs=len(PATTERN))  # a number -> a sample")
    return "\n".join(lines)


def _optimizers(config: TrainConfig) -> str:
    networks = ("discriminator", "generator") if config.experiment == "gan" else ("discriminator",)
    names = list(_rates(config))
    return "\n".join(
        f"{network}_optimizer = torch.optim.{OPTIMIZERS[config.optimizer]}({network}.parameters(), lr={name})"
        for network, name in zip(networks, names * 2, strict=False)
    )


def _gan_training(config: TrainConfig) -> str:
    constant = config.latent == "constant"
    value = repr(float(config.latent_value)).replace("e+", "e")
    input_line = f"\nINPUT = torch.tensor([{value}])  # "
    input_line += "what G is fed, always the same\n" if constant else "what G is shown with; it trains on others\n"
    training = GAN_TRAINING.substitute(
        fed="INPUT" if constant else "latent()", shown="INPUT", value=f"{config.latent_value:g}"
    )
    return input_line + training
