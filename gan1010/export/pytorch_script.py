"""PyTorch export: a run's configuration as a complete program in plain PyTorch, without code that it does not need."""

from textwrap import indent
from typing import Literal

from gan1010 import patterns, random_draws
from gan1010.config import TrainConfig
from gan1010.export import script_templates as templates

__all__ = ["pytorch_script"]

Draws = Literal["torch", "same"]

CROSS_ENTROPY = "BCELoss()  # binary cross-entropy: -log(score) if the target is 1, -log(1 - score) if it is 0"
LOSSES = {
    "mse": "MSELoss()  # mean squared error: (score - target) squared",
    "bce": CROSS_ENTROPY,
    "minimax": CROSS_ENTROPY,
}
OPTIMIZERS = {"sgd": "SGD", "adam": "Adam"}
LATENTS = {
    "uniform": ("uniform between 0 and 1", "torch.rand"),
    "normal": ("normal with mean 0 and variance 1", "torch.randn"),
}


def pytorch_script(config: TrainConfig, *, draws: Draws = "torch") -> str:
    """Return a program that trains with these settings, step by step, as the article does.

    It uses torch's random numbers, or with `draws` "same" those of the run: then its results agree with the run's.
    """
    return _Program(config, draws).text()


class _Program:
    """The parts of the program of a configuration."""

    def __init__(self, config: TrainConfig, draws: Draws) -> None:
        self.config, self.same = config, draws == "same"
        self.patterns = patterns.words(config.pattern)
        self.has_patterns, self.has_generator = len(self.patterns) > 1, config.experiment == "gan"
        self.has_latents = self.has_generator and config.latent != "constant"
        self.is_minimax = self.has_generator and config.loss == "minimax"
        self.batch = ["BATCH_SIZE"] if config.batch_size > 1 else []
        self.steps = ["DISCRIMINATOR_STEPS"] if config.discriminator_steps > 1 else []
        self.width = "len(PATTERNS[0])" if self.has_patterns else "len(PATTERN)"

    def text(self) -> str:
        config = self.config
        agreement = templates.OWN_DRAWS
        if self.same:
            agreement = templates.SAME_DRAWS_WITH_ADAM if config.optimizer == "adam" else templates.SAME_DRAWS
        task, ones = f"the pattern {config.pattern}", '[bit == "1" for bit in PATTERN]'
        if self.has_patterns:
            task = f"{len(self.patterns)} patterns"
            ones = '[[bit == "1" for bit in pattern] for pattern in PATTERNS]'
        networks = {
            "discriminator": f"network(inputs={self.width}, outputs=1)  # a sample -> its score, 0 fake to 1 real"
        }
        if self.has_generator:
            networks["generator"] = f"network(inputs=1, outputs={self.width})  # a latent -> a sample"
        options, learned = "", "loss_function(score, target)"
        purpose = ", so that D's score comes closer to the target"
        if self.is_minimax:
            options, learned = ", sign=1", f"sign * {learned}"
            purpose = ", which lowers the loss of D's score, or raises it if sign is -1"
        if config.r1:
            options, learned = f"{options}, penalty=0", f"{learned} + penalty"
        targets = "torch.tensor([1.0]), torch.tensor([0.0])"
        if self.batch:
            targets = "torch.ones(BATCH_SIZE, 1), torch.zeros(BATCH_SIZE, 1)"
        return templates.PROGRAM.substitute(
            title=f"{templates.TITLES[config.experiment]} {task}.",
            story=templates.STORIES[config.experiment],
            agreement=agreement,
            imports="from itertools import chain\n\n" if self.same and self.steps else "",
            settings="\n".join(f"{name} = {value}" for name, value in self.settings().items()),
            seed=config.seed,
            seeding="" if self.same else "\ntorch.manual_seed(SEED)\n",
            ones=ones,
            sources=self.sources(),
            networks="\n".join(f"{name} = {network}" for name, network in networks.items()),
            loss=LOSSES[config.loss],
            optimizers="\n".join(self.optimizers(*networks)),
            targets=targets,
            latent_value=self.latent_value() if self.has_generator else "",
            slope_penalty=templates.SLOPE_PENALTY if config.r1 else "",
            options=options,
            purpose=purpose,
            learned=learned,
            training=self.training_with_random_numbers() if self.same else self.training(),
        )

    def settings(self) -> dict[str, str]:
        """Return the constants of the program, with comments."""
        config, spread = self.config, self.config.spread
        settings = {"PATTERN": f'"{config.pattern}"'}
        if self.has_patterns:
            settings = {
                "PATTERNS": "".join(["[  # all equally likely\n", *(f'    "{word}",\n' for word in self.patterns), "]"])
            }
        settings["SPREAD"] = (
            f"{spread}  # real data is in [{1 - spread:g}, 1] where the pattern has a 1,"
            f" and in [0, {spread}] where it has a 0"
        )
        settings["HIDDEN_SIZE"] = f"{config.hidden_size}  # units in the hidden layer of a network"
        if self.batch:
            settings["BATCH_SIZE"] = f"{config.batch_size}  # samples in each step; the loss is their mean"
        if self.steps:
            settings["DISCRIMINATOR_STEPS"] = f"{config.discriminator_steps}  # steps 1 and 2 for each step 3"
        if config.r1:
            settings["R1"] = f"{config.r1}  # weight of the penalty on the slope of D"
        settings |= {name: str(rate) for name, rate in self.rates().items()}
        return settings | {"ITERATIONS": f"{config.iterations:_}"}

    def rates(self) -> dict[str, float]:
        """Return the learning rates by the names of their constants: D's, and G's where it is another one."""
        rate, generator_rate = self.config.learning_rate, self.config.resolved.generator_learning_rate
        if not self.has_generator or generator_rate == rate:
            return {"LEARNING_RATE": rate}
        return {"DISCRIMINATOR_LEARNING_RATE": rate, "GENERATOR_LEARNING_RATE": generator_rate}

    def optimizers(self, *networks: str) -> list[str]:
        optimizer, names = OPTIMIZERS[self.config.optimizer], list(self.rates())
        return [
            f"{network}_optimizer = torch.optim.{optimizer}({network}.parameters(), lr={rate})"
            for network, rate in zip(networks, names * 2, strict=False)
        ]

    def sources(self) -> str:
        """Return the functions that draw real data, and noise or latents."""
        sample, latent = (", ".join([*self.batch, size]) for size in (self.width, "1"))
        draw = "next(real_draws)" if self.same else f"torch.rand({sample})"
        sources = templates.REAL_DATA.substitute(draw=draw)
        if self.has_patterns:
            pick = f"torch.randint(len(PATTERNS), ({'BATCH_SIZE,' if self.batch else ''}))"
            if self.same:
                pick = "(next(pattern_draws) * len(PATTERNS)).long()"
            sources = templates.REAL_DATA_OF_PATTERNS.substitute(pick=pick, draw=draw)
        if not self.has_generator:
            sources += templates.NOISE.substitute(draw="next(noise_draws)" if self.same else f"torch.rand({sample})")
        if self.has_latents and not self.same:
            meaning, function = LATENTS[self.config.latent]
            sources += templates.LATENT.substitute(meaning=meaning, draw=f"{function}({latent})")
        return sources

    def latent_value(self) -> str:
        """Return the definition of the input of G in the output."""
        value = repr(float(self.config.latent_value)).replace("e+", "e")
        when = " in the output; training draws others" if self.has_latents else ", always the same"
        return f"INPUT = torch.tensor([{value}])  # the input of G{when}\n"

    def training(self) -> str:
        """Return the training loop and what it prints."""
        steps, digits = self.training_steps(), 6 if self.same else 3
        if not self.has_generator:
            mean = ".mean()" if self.batch else ""
            return templates.DISCRIMINATOR_TRAINING.substitute(steps=steps, digits=digits, mean=mean)
        comparison = '"(the pattern)" if bits == PATTERN else f"(the pattern is {PATTERN})"'
        if self.has_patterns:
            comparison = '"(a pattern)" if bits in PATTERNS else f"(the patterns are {\', \'.join(PATTERNS)})"'
        return templates.GAN_TRAINING.substitute(
            value=f"{self.config.latent_value:g}",
            steps=steps,
            in_range="all(dim=-1).any()" if self.has_patterns else "all()",
            digits=digits,
            comparison=comparison,
        )

    def training_steps(self) -> str:
        """Return the steps of an iteration: D on real data, D on a fake, and G."""
        latent = generator_latent = "INPUT.expand(BATCH_SIZE, 1)" if self.batch else "INPUT"
        if self.has_latents:
            latent, generator_latent = ("next(latents)", "next(generator_latents)") if self.same else ["latent()"] * 2
        penalised = {"gently": ", without much slope around it", "real_line": "real = real_data()\n", "real": "real"}
        penalised["penalty"] = ", penalty=slope_penalty(real)"
        plain = {"gently": "", "real_line": "", "real": "real_data()", "penalty": ""}
        real = penalised if self.config.r1 else plain
        if self.has_generator:
            steps = templates.REAL_STEP.substitute(real) + templates.FAKE_STEP.substitute(latent=latent)
        else:
            steps = templates.SCORED_REAL_STEP.substitute(real) + templates.NOISE_STEP
        if self.steps:
            steps = "for _ in range(DISCRIMINATOR_STEPS):\n" + indent(steps, "    ")
        if self.has_generator:
            step = templates.MINIMAX_STEP if self.is_minimax else templates.GENERATOR_STEP
            steps += step.substitute(latent=generator_latent)
        return indent(steps, "    ")

    def training_with_random_numbers(self) -> str:
        """Return the training as a function, and below it the random numbers of the run and the call."""
        is_normal = self.has_latents and self.config.latent == "normal"
        weights = {"discriminator": random_draws.DISCRIMINATOR_WEIGHTS}
        streams = {"real_draws": self.stream(random_draws.REAL, self.width)}
        if self.has_patterns:
            streams["pattern_draws"] = self.stream(random_draws.PATTERN)
        if self.has_generator:
            weights["generator"] = random_draws.GENERATOR_WEIGHTS
        else:
            streams["noise_draws"] = self.stream(random_draws.NOISE, self.width)
        if self.has_latents:
            streams["latents"] = self.stream(random_draws.LATENT, "1")
            streams["generator_latents"] = self.stream(random_draws.GENERATOR_LATENT, "1", of_discriminator=False)
            if is_normal:
                streams |= {name: f"map(normal, {streams[name]})" for name in ("latents", "generator_latents")}
        lines = [f"set_initial_weights({network}, stream={stream})" for network, stream in weights.items()]
        lines += [f"{name} = {numbers}" for name, numbers in streams.items()]
        return templates.RANDOM_NUMBERS.substitute(
            training=indent(self.training().strip("\n"), "    ") + "\n",
            normal=templates.NORMAL if is_normal else "",
            streams="\n".join(lines),
        )

    def stream(self, stream: int, *sizes: str, of_discriminator: bool = True) -> str:
        """Return the random numbers of a stream, as a tensor for each step."""
        steps = self.steps if of_discriminator else []
        numbers = f"random_numbers({', '.join([str(stream), *steps, *self.batch, *sizes])})"
        return f"chain.from_iterable({numbers})" if steps else numbers
