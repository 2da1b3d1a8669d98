"""PyTorch export: a run's configuration as a complete program in plain PyTorch, without code that it does not need."""

from string import Template

from gan1010.config import TrainConfig

__all__ = ["pytorch_script"]

PROGRAM = Template('''"""$title

This program repeats one training of gan1010 in plain PyTorch. Install PyTorch, then run the program:

    pip install torch

$story

PyTorch and gan1010 draw different random numbers, so the results differ slightly from those of the job.
"""

import torch
from torch import nn

PATTERN = "$pattern"
SPREAD = $spread  # real data is in [$one, 1] where the pattern has a 1, and in [0, $spread] where it has a 0
HIDDEN_SIZE = $hidden_size  # units in the hidden layer of a network
$rates
ITERATIONS = $iterations
TENTH = max(ITERATIONS // 10, 1)
SEED = $seed  # of the random numbers: the same seed gives the same result

torch.manual_seed(SEED)

ONES = torch.tensor([bit == "1" for bit in PATTERN])
LOWEST = torch.where(ONES, 1 - SPREAD, 0.0)
HIGHEST = torch.where(ONES, 1.0, SPREAD)


def real_sample():
    """Draw real data: each value is uniform in its range."""
    return LOWEST + (HIGHEST - LOWEST) * torch.rand(len(PATTERN))


${source}def network(inputs, outputs):
    """Build a network of two fully connected layers, each followed by a sigmoid."""
    return nn.Sequential(
        nn.Linear(inputs, HIDDEN_SIZE),
        nn.Sigmoid(),
        nn.Linear(HIDDEN_SIZE, outputs),
        nn.Sigmoid(),
    )


$networks

loss_function = nn.$loss
$optimizers

REAL, FAKE = torch.tensor([1.0]), torch.tensor([0.0])  # the target scores of D


def learn(optimizer, score, target):
    """Make one step of the optimizer's network, so that D's score comes closer to the target."""
    loss = loss_function(score, target)
    optimizer.zero_grad()  # discard the gradients of the previous step
    loss.backward()
    optimizer.step()
    return loss.item()

$training''')

STORIES = {
    "gan": """\
Two networks train against each other. The discriminator D learns to tell real data from the samples of the generator G.
G learns to make samples that D takes for real. G never sees real data, only the gradient of D's loss.""",
    "discriminator": """\
One network, the discriminator D, learns to tell real data from noise: its score should be 1 for real data and 0 for
noise. This tests whether D can learn at all, before a generator trains against it.""",
}
TITLES = {
    "gan": "A generative adversarial network that learns to make the pattern {}.",
    "discriminator": "A discriminator that learns to tell the pattern {} from noise.",
}

NOISE = '''def noise():
    """Draw noise: each value is uniform between 0 and 1."""
    return torch.rand(len(PATTERN))


'''
LATENT = Template('''def latent():
    """Draw the input of G in training: $meaning."""
    return $draw


''')
SOURCES = {
    "constant": "",
    "uniform": LATENT.substitute(meaning="uniform between 0 and 1", draw="torch.rand(1)"),
    "normal": LATENT.substitute(meaning="normal with mean 0 and variance 1", draw="torch.randn(1)"),
}

GAN_TRAINING = Template("""
INPUT = torch.tensor([$tensor])  # $meaning

print("iteration  D on real  D on fake  generator   sample of G for $value")
means = torch.zeros(3)  # mean losses over the last tenth

for iteration in range(1, ITERATIONS + 1):
    # 1. Train D on real data: its score should be 1.
    real_loss = learn(discriminator_optimizer, discriminator(real_sample()), REAL)

    # 2. Train D on a fake, a sample of G: its score should be 0. detach() keeps G unchanged.
    fake = generator($train_input).detach()
    fake_loss = learn(discriminator_optimizer, discriminator(fake), FAKE)

    # 3. Train G: D's score of its sample should be 1. The gradient passes through D, but only G changes.
    fake = generator($train_input)
    generator_loss = learn(generator_optimizer, discriminator(fake), REAL)

    losses = real_loss, fake_loss, generator_loss
    if iteration > ITERATIONS - TENTH:
        means += torch.tensor(losses) / TENTH
    if iteration % TENTH == 0:
        with torch.no_grad():
            sample = generator(INPUT)
        values = "  ".join(f"{value:.2f}" for value in sample.tolist())
        print(f"{iteration:9,}", *(f"{loss:10.3f}" for loss in losses), f"  {values}")

with torch.no_grad():
    sample = generator(INPUT)
bits = "".join("1" if value >= 0.5 else "0" for value in sample.tolist())
in_range = bool(((sample >= LOWEST) & (sample <= HIGHEST)).all())

print()
print("Sample of G for $value:", "  ".join(f"{value:.3f}" for value in sample.tolist()))
print("As bits:", bits, "(the pattern)" if bits == PATTERN else f"(the pattern is {PATTERN})")
print("In the range of real data:", "yes" if in_range else "no")
print("Mean losses:", "  ".join(f"{mean:.3f}" for mean in means.tolist()), " (D on real, D on fake, generator)")
""")

DISCRIMINATOR_TRAINING = Template("""
print("iteration  D on real  D on noise")
means = torch.zeros(2)  # mean losses over the last tenth

for iteration in range(1, ITERATIONS + 1):
    # 1. Train D on real data: its score should be 1.
    real_loss = learn(discriminator_optimizer, discriminator(real_sample()), REAL)

    # 2. Train D on noise: its score should be 0.
    noise_loss = learn(discriminator_optimizer, discriminator(noise()), FAKE)

    losses = real_loss, noise_loss
    if iteration > ITERATIONS - TENTH:
        means += torch.tensor(losses) / TENTH
    if iteration % TENTH == 0:
        print(f"{iteration:9,}", *(f"{loss:10.3f}" for loss in losses))

with torch.no_grad():
    print()
    print(f"D's score of real data: {discriminator(real_sample()).item():.2f}")
    print(f"D's score of noise: {discriminator(noise()).item():.2f}")
print("Mean losses:", "  ".join(f"{mean:.3f}" for mean in means.tolist()), " (on real data, on noise)")
""")

LOSSES = {
    "mse": "MSELoss()  # mean squared error: (score - target) squared",
    "bce": "BCELoss()  # binary cross-entropy: -log(score) if the target is 1, -log(1 - score) if it is 0",
}
OPTIMIZERS = {"sgd": "SGD", "adam": "Adam"}


def pytorch_script(config: TrainConfig) -> str:
    """Return a program that trains with these settings, one sample at a time, as the article does."""
    gan, constant = config.experiment == "gan", config.latent == "constant"
    rates = {"LEARNING_RATE": config.learning_rate}
    generator_rate = config.resolved.generator_learning_rate
    if gan and generator_rate != config.learning_rate:
        rates = {"DISCRIMINATOR_LEARNING_RATE": config.learning_rate, "GENERATOR_LEARNING_RATE": generator_rate}
    networks = {"discriminator": "network(inputs=len(PATTERN), outputs=1)  # a sample -> its score, 0 fake to 1 real"}
    training, source = DISCRIMINATOR_TRAINING, NOISE
    if gan:
        networks["generator"] = "network(inputs=1, outputs=len(PATTERN))  # a latent -> a sample"
        training, source = GAN_TRAINING, SOURCES[config.latent]
    optimizer = OPTIMIZERS[config.optimizer]
    optimizers = (
        f"{name}_optimizer = torch.optim.{optimizer}({name}.parameters(), lr={rate})"
        for name, rate in zip(networks, [*rates, *rates], strict=False)
    )
    return PROGRAM.substitute(
        title=TITLES[config.experiment].format(config.pattern),
        story=STORIES[config.experiment],
        pattern=config.pattern,
        spread=config.spread,
        one=f"{1 - config.spread:g}",
        hidden_size=config.hidden_size,
        rates="\n".join(f"{name} = {rate}" for name, rate in rates.items()),
        iterations=f"{config.iterations:_}",
        seed=config.seed,
        source=source,
        networks="\n".join(f"{name} = {network}" for name, network in networks.items()),
        loss=LOSSES[config.loss],
        optimizers="\n".join(optimizers),
        training=training.substitute(
            tensor=repr(float(config.latent_value)).replace("e+", "e"),
            value=f"{config.latent_value:g}",
            meaning=f"the input of G{', always the same' if constant else ' in the output; training draws others'}",
            train_input="INPUT" if constant else "latent()",
        ),
    )
