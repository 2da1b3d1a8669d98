"""Templates of the PyTorch export: the parts of a program, of which each appears only where the settings need it."""

from string import Template

PROGRAM = Template('''"""$title

This program repeats one training of gan1010 in plain PyTorch. Install PyTorch, then run the program:

    pip install torch

$story

$agreement
"""

${imports}import torch
from torch import nn

$settings
TENTH = max(ITERATIONS // 10, 1)
SEED = $seed  # of the random numbers: the same seed gives the same result
$seeding
ONES = torch.tensor($ones)
LOWEST = torch.where(ONES, 1 - SPREAD, 0.0)
HIGHEST = torch.where(ONES, 1.0, SPREAD)


${sources}def network(inputs, outputs):
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

REAL, FAKE = $targets  # target scores
${latent_value}

${slope_penalty}def learn(optimizer, score, target$options):
    """Make one step of the optimizer's network$purpose."""
    loss = $learned
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
    "gan": "A generative adversarial network that learns to make",
    "discriminator": "A discriminator that learns to tell from noise",
}

OWN_DRAWS = "PyTorch and gan1010 draw different random numbers, so the results differ slightly from those of the job."
SAME_DRAWS = """\
The initial weights and all random numbers are those of the job, so the results agree with the job's to six digits.
The last part of this program draws them."""
SAME_DRAWS_WITH_ADAM = f"""{SAME_DRAWS}

Adam magnifies differences of rounding: after some thousand iterations, results need not agree any more."""

REAL_DATA = Template('''def real_data():
    """Draw real data: each value is uniform in its range."""
    return LOWEST + (HIGHEST - LOWEST) * $draw


''')
REAL_DATA_OF_PATTERNS = Template('''def real_data():
    """Draw real data: pick a pattern, then draw each value uniformly from its range."""
    picked = $pick
    return LOWEST[picked] + (HIGHEST - LOWEST)[picked] * $draw


''')
NOISE = Template('''def noise():
    """Draw noise: each value is uniform between 0 and 1."""
    return $draw


''')
LATENT = Template('''def latent():
    """Draw the input of G in training: $meaning."""
    return $draw


''')
SLOPE_PENALTY = '''def slope_penalty(real):
    """Return R1, a penalty on the slope of D at real data (Mescheder, Geiger and Nowozin, ICML 2018, equation 9)."""
    real.requires_grad_()
    logit = discriminator[:-1](real)  # D without its last sigmoid
    (slope,) = torch.autograd.grad(logit.sum(), real, create_graph=True)
    return R1 / 2 * slope.square().sum(dim=-1).mean()


'''

REAL_STEP = Template("""\
# a. Train D on real data: its score should be 1$gently.
${real_line}real_loss = learn(discriminator_optimizer, discriminator($real), REAL$penalty)
""")
FAKE_STEP = Template("""
# b. Train D on a fake, a sample of G: its score should be 0. detach() stops the gradient before G.
fake = generator($latent).detach()
fake_loss = learn(discriminator_optimizer, discriminator(fake), FAKE)
""")
GENERATOR_STEP = Template("""
# c. Train G: D's score of its sample should be 1. The gradient passes through D, but only G changes.
fake = generator($latent)
generator_loss = learn(generator_optimizer, discriminator(fake), REAL)
""")
MINIMAX_STEP = Template("""
# c. Train G: D's score of its sample should not be 0, so G lowers log(1 - score), which is minus D's loss.
fake = generator($latent)
generator_loss = learn(generator_optimizer, discriminator(fake), FAKE, sign=-1)
""")
SCORED_REAL_STEP = Template("""\
# a. Train D on real data: its score should be 1$gently.
${real_line}real_score = discriminator($real)
real_loss = learn(discriminator_optimizer, real_score, REAL$penalty)
""")
NOISE_STEP = """
# b. Train D on noise: its score should be 0.
noise_score = discriminator(noise())
noise_loss = learn(discriminator_optimizer, noise_score, FAKE)
"""

GAN_TRAINING = Template("""
print("iteration  D on real  D on fake  generator   sample of G for $value")
means = torch.zeros(3, dtype=torch.float64)  # mean losses over the last tenth

for iteration in range(1, ITERATIONS + 1):
$steps
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
in_range = bool(((sample >= LOWEST) & (sample <= HIGHEST)).$in_range)

print()
print("Sample of G for $value:", "  ".join(f"{value:.${digits}f}" for value in sample.tolist()))
print("As bits:", bits, $comparison)
print("In the range of real data:", "yes" if in_range else "no")
print("Mean losses:", "  ".join(f"{mean:.${digits}f}" for mean in means.tolist()), " (D on real, D on fake, generator)")
""")

DISCRIMINATOR_TRAINING = Template("""
print("iteration  D on real  D on noise")
means = torch.zeros(4, dtype=torch.float64)  # mean losses and scores over the last tenth

for iteration in range(1, ITERATIONS + 1):
$steps
    if iteration > ITERATIONS - TENTH:
        scores = real_score$mean.item(), noise_score$mean.item()
        means += torch.tensor([real_loss, noise_loss, *scores]) / TENTH
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
