/** What a kind of step does, in a world that has all that a property test talks to and expects. */
export interface StepInit<World> {
  /** Whether the world is such that this can happen. @default always */
  readonly mayRun?: (world: World) => boolean;
  readonly run: (world: World) => unknown;
}

/** Something that happens in a property test. Its name shows in what a failed run says. */
export class Step<World> {
  readonly #name: string;
  readonly #init: StepInit<World>;

  constructor(name: string, init: StepInit<World>) {
    this.#name = name;
    this.#init = init;
  }

  toString(): string {
    return this.#name;
  }

  async take(world: World): Promise<void> {
    if (this.#init.mayRun?.(world) !== false) await this.#init.run(world);
  }
}

/** Takes one after the other. */
export async function play<World>(world: World, steps: readonly Step<World>[]): Promise<void> {
  for (const step of steps) await step.take(world);
}
