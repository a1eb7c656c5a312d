import type { Hub } from "@upwire/core";
import { guardedClock, kinds, observeHub, readOptions, shownValue, type HubPart, type OptionKinds } from "@upwire/core/adapter";
import type { Broker, BrokerState } from "../broker/broker.ts";
import { Casts } from "../casts/casts.ts";
import { aBroker, aTimeout } from "../casts/check-options.ts";
import type { CastStats } from "../casts/types.ts";
import { AudienceOfAll } from "./cluster-audience.ts";
import { ConnectionOfAny } from "./cluster-connection.ts";
import { LocalHub } from "./local-hub.ts";
import { addressOf, partOf } from "./parts.ts";
import { readMember, type Question } from "./questions.ts";
import { reporter } from "./reporter.ts";
import type { ClusterAudience, ClusterHub, ClusterHubOptions, ClusterMember, Found } from "./types.ts";

const { callback, clock } = kinds;
const clusterKinds: OptionKinds<ClusterHubOptions> = { timeoutMs: aTimeout, onGap: callback, onState: callback, onError: callback, clock };

/**
 * A hub over all nodes that have the same broker: the same words as those of the hub of this node, with promises. It starts the
 * broker, and subscribes there what has members here. To publish from a process without clients, give it an empty hub.
 * @param hub It goes on as it was: what is sent by it stays on this node.
 * @param broker Has not been started. With a realtime on the same broker, give each a part of `shareBroker(broker)`.
 * @throws TypeError for what is no hub or broker, or options that cannot be meant.
 */
export function createClusterHub<Context = unknown>(hub: Hub<Context>, broker: Broker, options?: ClusterHubOptions): ClusterHub<Context> {
  const read = readOptions<ClusterHubOptions>("createClusterHub", options, clusterKinds);
  if (!aBroker.fits(broker)) throw new TypeError(`createClusterHub: ${shownValue(broker)} is no broker; give ${aBroker.right}`);
  return new HubOfAll(hub, broker, read);
}

class HubOfAll<Context> extends AudienceOfAll<Context> implements ClusterHub<Context> {
  readonly node: string;
  readonly started: Promise<void>;
  readonly #hub: Hub<Context>;
  readonly #broker: Broker;
  readonly #casts: Casts;
  readonly #local: LocalHub<Context>;
  readonly #endObserving: () => void;

  constructor(hub: Hub<Context>, broker: Broker, options: ClusterHubOptions) {
    const { onGap, onState } = options;
    const report = reporter(options.onError);
    const local = new LocalHub({ hub, node: broker.node, report });
    const casts = new Casts({
      broker,
      clock: guardedClock(options.clock),
      deliver: (address, data, sendOptions) => local.deliver(address, data, sendOptions),
      answer: (question) => local.answer(question),
      report,
      ...(onGap !== undefined && { gap: (address) => tellGap(onGap, address) }),
      ...(onState !== undefined && { state: onState }),
      ...(options.timeoutMs !== undefined && { timeoutMs: options.timeoutMs }),
    });
    super({ casts, local, audience: hub, address: addressOf("hub", "") });
    this.node = broker.node;
    this.#hub = hub;
    this.#broker = broker;
    this.#casts = casts;
    this.#local = local;
    this.#endObserving = observeHub(hub, {
      onFirst(part, name) {
        local.add(part, name);
        casts.join(addressOf(part, name));
      },
      onEmpty(part, name) {
        local.delete(part, name);
        casts.leave(addressOf(part, name));
      },
    });
    this.started = casts.start();
    this.started.catch(report);
  }

  get others(): readonly string[] {
    return this.#casts.others;
  }

  get stats(): CastStats {
    return this.#casts.stats;
  }

  state(): BrokerState {
    return this.#broker.state();
  }

  room(name: string): ClusterAudience<Context> {
    return new AudienceOfAll({ casts: this.#casts, local: this.#local, audience: this.#hub.room(name), address: addressOf("room", name) });
  }

  user(id: string): ClusterAudience<Context> {
    return new AudienceOfAll({ casts: this.#casts, local: this.#local, audience: this.#hub.user(id), address: addressOf("user", id) });
  }

  async get(connectionId: string): Promise<Found> {
    if (typeof connectionId !== "string") throw new TypeError(`get: ${shownValue(connectionId)} is no id; give that of a connection, a string`);
    const here = this.#local.get(connectionId);
    if (here !== undefined) return { connection: this.#connection(here), missing: [] };
    if (connectionId.startsWith(this.node)) return { connection: undefined, missing: [] };
    const node = this.#casts.others.find((other) => connectionId.startsWith(other));
    const question: Question = { ask: "get", id: connectionId };
    const { answers, missing } = await this.#casts.ask(node, question, { until: (answer) => readMember(answer, "")?.id === connectionId });
    const silent = [...missing];
    for (const [from, answer] of answers) {
      const member = readMember(answer, from);
      if (member?.id === connectionId) return { connection: this.#connection(member), missing: [] };
      if (answer !== null) silent.push(from);
    }
    return { connection: undefined, missing: silent };
  }

  async stop(): Promise<void> {
    this.#endObserving();
    await this.#casts.close();
  }

  #connection(member: ClusterMember): ConnectionOfAny<Context> {
    return new ConnectionOfAny({ casts: this.#casts, local: this.#local, member });
  }
}

function tellGap(onGap: (part: HubPart, name: string) => void, address: string): unknown {
  const part = partOf(address);
  return part && onGap(...part);
}
