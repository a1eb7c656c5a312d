import fc from "fast-check";
import { expect, it } from "vitest";
import { FakeSocket } from "../helpers/fake-socket.ts";
import { Fixture } from "../helpers/fixture.ts";

/** A topic on a server that keeps only some of its history, sends with delay, twice, or not at all, and forgets everything. */
class Model {
  epoch = 1;
  top = 0;
  kept = 0;
  /** What is on its way to the client, on this connection. */
  readonly wire: object[] = [];
  /** What has reached the application. */
  readonly told: string[] = [];
  /** What must reach it, worked out from what the server did alone. */
  readonly due: string[] = [];
  /** The position of the client as the server would count it, from what was delivered. */
  position: { epoch: number; offset: number } | undefined;
  isLive = false;
  socket: FakeSocket | undefined;
  readonly fixture = new Fixture();

  constructor() {
    const topic = this.fixture.client.topic("room:{room}", { room: "tea" });
    topic.on("message", (payload) => this.told.push(String(payload)));
    topic.onGap(() => this.told.push("gap"));
  }

  epochName(): string {
    return `epoch-${this.epoch}`;
  }

  name(offset: number): string {
    return `${this.epoch}/${offset}`;
  }

  send(frame: object): void {
    this.wire.push(frame);
  }

  publication(offset: number): object {
    return { topic: "room:tea", offset, type: "message", payload: this.name(offset) };
  }

  /** Delivers the oldest frame, and notes what the application must get of it. */
  deliver(): void {
    const frame = this.wire.shift() as {
      re?: number;
      offset?: number;
      type?: string;
      payload?: { after?: number; offset?: number; resumed?: boolean; epoch?: string };
    };
    if (frame === undefined) return;
    const { payload } = frame;
    if (frame.re !== undefined && payload) {
      if (!payload.resumed && this.position) this.due.push("gap");
      this.position = { epoch: this.epoch, offset: payload.after ?? 0 };
      this.isLive = true;
    } else if (frame.type === "upwire.gap" && payload) {
      this.due.push("gap");
      this.position = { epoch: this.epoch, offset: payload.offset ?? 0 };
    } else if (this.position && frame.offset === this.position.offset + 1) {
      this.position = { ...this.position, offset: frame.offset };
      this.due.push(this.name(frame.offset));
    }
    this.socket?.message(frame);
  }
}

interface Step {
  apply(model: Model): Promise<void> | void;
}

const steps: readonly fc.Arbitrary<Step>[] = [
  /** A publication: sent when the client is subscribed on this connection, perhaps twice. */
  fc.boolean().map((isDoubled) => ({
    apply(model) {
      model.top++;
      if (!model.isLive) return;
      for (let count = 0; count < (isDoubled ? 2 : 1); count++) model.send(model.publication(model.top));
    },
  })),
  fc.integer({ min: 1, max: 6 }).map((count) => ({
    apply(model) {
      for (let index = 0; index < count; index++) model.deliver();
    },
  })),
  /** An older message comes again, as after a lagging subscription that was filled. */
  fc.nat(5).map((back) => ({
    apply(model) {
      if (model.isLive && model.top > back) model.send(model.publication(model.top - back));
    },
  })),
  /** The server tells a loss up to its top. */
  fc.constant({
    apply(model: Model) {
      if (!model.isLive) return;
      model.send({ type: "upwire.gap", topic: "room:tea", payload: { after: 0, epoch: model.epochName(), offset: model.top, reason: "slow" } });
    },
  }),
  /** The history forgets all but the newest. */
  fc.nat(3).map((left) => ({ apply: (model: Model) => void (model.kept = Math.max(model.kept, model.top - left)) })),
  /** The connection breaks with what is on its way, and perhaps the server with all that it knew. */
  fc.record({ isKilled: fc.boolean(), published: fc.nat(4) }).map(({ isKilled, published }) => ({
    async apply(model) {
      model.wire.length = 0;
      model.isLive = false;
      model.socket?.end();
      if (isKilled) {
        model.epoch++;
        model.top = model.kept = 0;
      }
      model.top += published;
      await reconnect(model);
    },
  })),
];

async function reconnect(model: Model): Promise<void> {
  await model.fixture.retry();
  model.socket = await model.fixture.open();
  const [subscribe] = model.socket.frames("upwire.subscribe");
  const since = subscribe?.["since"] as { epoch: string; offset: number } | undefined;
  // The client stands where what was delivered has brought it.
  expect(since).toEqual(model.position && { epoch: `epoch-${model.position.epoch}`, offset: model.position.offset });
  const resumed = since?.epoch === model.epochName() && since.offset >= model.kept && since.offset <= model.top;
  const after = resumed ? since.offset : model.top;
  model.send({ re: subscribe?.["id"], payload: { epoch: model.epochName(), offset: model.top, after, resumed } });
  for (let offset = after + 1; offset <= model.top; offset++) model.send(model.publication(offset));
}

it("whatever a server does and the network breaks, each message comes once and in order, or a gap is told in its place", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(...steps), { maxLength: 60 }), async (script) => {
      const model = new Model();
      await reconnect(model);
      for (const step of script) {
        await step.apply(model);
        // Frames that were sent before the reply was read are behind it.
        if (!model.isLive) model.deliver();
      }
      while (model.wire.length > 0) model.deliver();
      expect(model.told).toEqual(model.due);
      // In one epoch nothing is missing between two messages unless a gap is told there.
      for (const [index, name] of model.told.entries()) {
        const before = model.told[index - 1];
        if (name === "gap" || before === undefined || before === "gap") continue;
        const [epoch, offset] = name.split("/").map(Number);
        expect(before).toBe(`${epoch}/${(offset ?? 0) - 1}`);
      }
      model.fixture.client.close();
      expect(model.fixture.errors).toEqual([]);
    }),
    { numRuns: 200 },
  );
});
