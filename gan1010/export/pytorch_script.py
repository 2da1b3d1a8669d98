"""PyTorch export: a run's configuration as a complete program in plain PyTorch, without code that it does not need."""

from string import Template
from textwrap import indent
from typing import Literal

from gan1010 import random_draws
from gan1010.config import TrainConfig

__all__ = ["pytorch_script"]

Draws = Literal["torch", "same"]

PROGRAM = Template('''"""$title

This program repeats one training of gan1010 in plain PyTorch. Install PyTorch, then run the program:

    pip install torch

$story

$agreement
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
$seeding
ONES = torch.tensor([bit == "1" for bit in PATTERN])
LOWEST = torch.where(ONES, 1 - SPREAD, 0.0)
HIGHEST = torch.where(ONES, 1.0, SPREAD)


def real_sample():
    """Draw real data: each value is uniform in its range."""
    return LOWEST + (HIGHEST - LOWEST) * $real


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
${latent_value}

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

OWN_DRAWS = "PyTorch and gan1010 draw different random numbers, so the results differ slightly from those of the job."
SAME_DRAWS = """\
The initial weights and all random numbers are those of the job, so the results agree with the job's to six digits.
The last part of this program draws them."""
SAME_DRAWS_WITH_ADAM = f"""{SAME_DRAWS}

Adam magnifies differences of rounding: after some thousand iterations, results need not agree any more."""

NOISE = Template('''def noise():
    """Draw noise: each value is uniform between 0 and 1."""
    return $draw


''')
LATENT = Template('''def latent():
    """Draw the input of G in training: $meaning."""
    return $draw


''')
LATENTS = {
    "constant": "",
    "uniform": LATENT.substitute(meaning="uniform between 0 and 1", draw="torch.rand(1)"),
    "normal": LATENT.substitute(meaning="normal with mean 0 and variance 1", draw="torch.randn(1)"),
}

LATENT_VALUE = Template("INPUT = torch.tensor([$tensor])  # the input of G$when\n")

GAN_TRAINING = Template("""
print("iteration  D on real  D on fake  generator   sample of G for $value")
means = torch.zeros(3, dtype=torch.float64)  # mean losses over the last tenth

for iteration in range(1, ITERATIONS + 1):
    # 1. Train D on real data: its score should be 1.
    real_loss = learn(discriminator_optimizer, discriminator(real_sample()), REAL)

    # 2. Train D on a fake, a sample of G: its score should be 0. detach() keeps G unchanged.
    fake = generator($latent).detach()
    fake_loss = learn(discriminator_optimizer, discriminator(fake), FAKE)

    # 3. Train G: D's score of its sample should be 1. The gradient passes through D, but only G changes.
    fake = generator($generator_latent)
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
print("Sample of G for $value:", "  ".join(f"{value:.${digits}f}" for value in sample.tolist()))
print("As bits:", bits, "(the pattern)" if bits == PATTERN else f"(the pattern is {PATTERN})")
print("In the range of real data:", "yes" if in_range else "no")
print("Mean losses:", "  ".join(f"{mean:.${digits}f}" for mean in means.tolist()), " (D on real, D on fake, generator)")
""")

DISCRIMINATOR_TRAINING = Template("""
print("iteration  D on real  D on noise")
means = torch.zeros(4, dtype=torch.float64)  # mean losses and scores over the last tenth

for iteration in range(1, ITERATIONS + 1):
    # 1. Train D on real data: its score should be 1.
    real_score = discriminator(real_sample())
    real_loss = learn(discriminator_optimizer, real_score, REAL)

    # 2. Train D on noise: its score should be 0.
    noise_score = discriminator(noise())
    noise_loss = learn(discriminator_optimizer, noise_score, FAKE)

    if iteration > ITERATIONS - TENTH:
        means += torch.tensor([real_loss, noise_loss, real_score.item(), noise_score.item()]) / TENTH
    if iteration % TENTH == 0:
        print(f"{iteration:9,} {real_loss:10.3f} {noise_loss:11.3f}")

real_loss, noise_loss, real_score, noise_score = means.tolist()
print()
print(f"D's mean score: {real_score:.${digits}f} of real data, {noise_score:.${digits}f} of noise")
print(f"D's mean loss: {real_loss:.${digits}f} on real data, {noise_loss:.${digits}f} on noise")
""")

RANDOM_NUMBERS = Template('''
def main():
    """Train with the random numbers that are drawn below."""
$training

# Below are the random numbers of gan1010. The training above works with any others, too.


def halves(product):
    """Split a product of 64 bits into its upper and its lower 32 bits."""
    return (product >> 32) & 0xFFFFFFFF, product & 0xFFFFFFFF


def philox(iteration, stream, block):
    """Compute four random numbers of 32 bits from their place, which is three numbers, and from SEED.

    This is Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011): ten
    rounds of multiplying and mixing. It has no state, so the numbers of a place do not depend on earlier ones.
    """
    c0, c1, c2, c3 = iteration, 0, stream, block
    k0, k1 = SEED % 2**32, SEED // 2**32
    for _ in range(10):
        upper0, lower0 = halves(c0 * 0xD2511F53)
        upper2, lower2 = halves(c2 * 0xCD9E8D57)
        c0, c1, c2, c3 = upper2 ^ c1 ^ k0, lower2, upper0 ^ c3 ^ k1, lower0
        k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
    return c0, c1, c2, c3


def random_numbers(stream, *shape):
    """Yield a tensor of random numbers, uniform between 0 and 1, for each iteration. Each use has its own stream."""
    count = torch.Size(shape).numel()
    blocks = torch.arange((count + 3) // 4)
    for start in range(0, ITERATIONS, 1000):  # a thousand iterations at a time, which is faster
        iterations = torch.arange(start, start + 1000).unsqueeze(1)
        words = torch.stack(philox(iterations, stream, blocks), dim=-1).reshape(1000, -1)[:, :count]
        yield from (words >> 8).reshape(1000, *shape) * 2**-24  # a float32 has 24 bits


${normal}def set_initial_weights(network, stream):
    """Draw the weights as nn.Linear does: uniform between -1 and 1, over the square root of the layer's inputs."""
    count = sum(weights.numel() for weights in network.parameters())
    numbers = next(random_numbers(stream, count))
    nn.utils.vector_to_parameters(2 * numbers - 1, network.parameters())
    for layer in network[0], network[2]:
        for weights in layer.parameters():
            weights.data /= layer.in_features**0.5


$streams
main()
''')
NORMAL = '''def normal(numbers):
    """Turn uniform numbers into normal ones, with mean 0 and variance 1."""
    return torch.erfinv(2 * numbers - 1 + 2**-24) * 2**0.5


'''

LOSSES = {
    "mse": "MSELoss()  # mean squared error: (score - target) squared",
    "bce": "BCELoss()  # binary cross-entropy: -log(score) if the target is 1, -log(1 - score) if it is 0",
}
OPTIMIZERS = {"sgd": "SGD", "adam": "Adam"}


def pytorch_script(config: TrainConfig, *, draws: Draws = "torch") -> str:
    """Return a program that trains with these settings, one sample at a time, as the article does.

    It uses torch's random numbers, or with `draws` "same" those of the run: then its results agree with the run's.
    """
    gan, same = config.experiment == "gan", draws == "same"
    agreement = OWN_DRAWS
    if same:
        agreement = SAME_DRAWS_WITH_ADAM if config.optimizer == "adam" else SAME_DRAWS
    rates = {"LEARNING_RATE": config.learning_rate}
    generator_rate = config.resolved.generator_learning_rate
    if gan and generator_rate != config.learning_rate:
        rates = {"DISCRIMINATOR_LEARNING_RATE": config.learning_rate, "GENERATOR_LEARNING_RATE": generator_rate}
    networks = {"discriminator": "network(inputs=len(PATTERN), outputs=1)  # a sample -> its score, 0 fake to 1 real"}
    if gan:
        networks["generator"] = "network(inputs=1, outputs=len(PATTERN))  # a latent -> a sample"
    optimizer = OPTIMIZERS[config.optimizer]
    optimizers = (
        f"{name}_optimizer = torch.optim.{optimizer}({name}.parameters(), lr={rate})"
        for name, rate in zip(networks, [*rates, *rates], strict=False)
    )
    return PROGRAM.substitute(
        title=TITLES[config.experiment].format(config.pattern),
        story=STORIES[config.experiment],
        agreement=agreement,
        pattern=config.pattern,
        spread=config.spread,
        one=f"{1 - config.spread:g}",
        hidden_size=config.hidden_size,
        rates="\n".join(f"{name} = {rate}" for name, rate in rates.items()),
        iterations=f"{config.iterations:_}",
        seed=config.seed,
        seeding="" if same else "\ntorch.manual_seed(SEED)\n",
        real="next(real_draws)" if same else "torch.rand(len(PATTERN))",
        source=_source(config, same),
        networks="\n".join(f"{name} = {network}" for name, network in networks.items()),
        loss=LOSSES[config.loss],
        optimizers="\n".join(optimizers),
        latent_value=_latent_value(config) if gan else "",
        training=_with_random_numbers(config) if same else _training(config, same),
    )


def _source(config: TrainConfig, same: bool) -> str:
    """Return the function that draws noise or latents, if the program needs one."""
    if config.experiment == "discriminator":
        return NOISE.substitute(draw="next(noise_draws)" if same else "torch.rand(len(PATTERN))")
    return "" if same else LATENTS[config.latent]


def _latent_value(config: TrainConfig) -> str:
    """Return the definition of the input of G in the output."""
    return LATENT_VALUE.substitute(
        tensor=repr(float(config.latent_value)).replace("e+", "e"),
        when=", always the same" if config.latent == "constant" else " in the output; training draws others",
    )


def _training(config: TrainConfig, same: bool) -> str:
    """Return the training loop and what it prints."""
    digits = 6 if same else 3
    if config.experiment == "discriminator":
        return DISCRIMINATOR_TRAINING.substitute(digits=digits)
    latents = ["latent()", "latent()"]
    if config.latent == "constant":
        latents = ["INPUT", "INPUT"]
    elif same:
        latents = ["next(latents)", "next(generator_latents)"]
    value = f"{config.latent_value:g}"
    return GAN_TRAINING.substitute(digits=digits, value=value, latent=latents[0], generator_latent=latents[1])


def _with_random_numbers(config: TrainConfig) -> str:
    """Return the training as a function, and below it the random numbers of the run and the call."""
    weights, normal = {"discriminator": random_draws.DISCRIMINATOR_WEIGHTS}, False
    streams = {"real_draws": f"random_numbers({random_draws.REAL}, len(PATTERN))"}
    if config.experiment == "discriminator":
        streams["noise_draws"] = f"random_numbers({random_draws.NOISE}, len(PATTERN))"
    else:
        weights["generator"] = random_draws.GENERATOR_WEIGHTS
        if config.latent != "constant":
            normal = config.latent == "normal"
            latents = "map(normal, random_numbers({}, 1))" if normal else "random_numbers({}, 1)"
            streams["latents"] = latents.format(random_draws.LATENT)
            streams["generator_latents"] = latents.format(random_draws.GENERATOR_LATENT)
    lines = [f"set_initial_weights({network}, stream={stream})" for network, stream in weights.items()]
    lines += [f"{name} = {numbers}" for name, numbers in streams.items()]
    return RANDOM_NUMBERS.substitute(
        training=indent(_training(config, same=True).strip("\n"), "    ") + "\n",
        normal=NORMAL if normal else "",
        streams="\n".join(lines),
    )
