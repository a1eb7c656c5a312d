import { RealtimeError, type ClientFrame } from "@upwire/protocol";
import type { AppCalls } from "./app-calls.ts";
import { encoded, errorOf, eventFrame, toldError } from "./frames.ts";
import { scopedKey, type ScopedKey } from "./keys.ts";
import type { RealtimeLimits } from "./limits.ts";
import { Lines } from "./lines.ts";
import type { Session, Unanswered } from "./session.ts";
import type { Task } from "./task.ts";
import { askPublish, askSubscribe, configOf } from "./topic-calls.ts";
import { subscribedText } from "./subscribed.ts";
import type { TopicTable } from "./topic-table.ts";
import type { SubscribeResult } from "./topics/opening.ts";
import type { Topics } from "./topics/topics.ts";
import type { Users } from "./users.ts";

interface Setup<User> {
  readonly users: Users<User>;
  readonly table: TopicTable;
  readonly engine: Topics;
  readonly calls: AppCalls;
  readonly limits: RealtimeLimits;
}

type Frame<Kind extends ClientFrame["kind"]> = Extract<ClientFrame, { readonly kind: Kind }>;

/** What clients do with topics: asks the application whether they may, and then the engine. */
export class TopicTraffic<User> {
  readonly #setup: Setup<User>;

  constructor(setup: Setup<User>) {
    this.#setup = setup;
  }

  subscribe(task: Task<User>, { topic, since }: Frame<"subscribe">): void {
    const { table, engine, calls, limits } = this.#setup;
    const { session } = task;
    const found = table.find(topic);
    if (found === undefined) return task.fail(errorOf("unknown_topic"));
    stopAsking(session, topic);
    const { connection } = session;
    // One that asks again for a topic that it has is counted already.
    const pending = [...(session.asking?.keys() ?? [])].filter((name) => !engine.hasAsked(connection, name)).length;
    if (!engine.hasAsked(connection, topic) && engine.count(connection) + pending >= limits.topics) return task.fail(errorOf("too_many"));
    (session.asking ??= new Map()).set(topic, task);
    const isAsked = (): boolean => {
      if (session.asking?.get(topic) !== task) return false;
      forget(session, topic);
      return connection.isOpen;
    };
    calls.run(() => askSubscribe(session, topic, found), {
      done: () => {
        if (!isAsked()) return;
        engine.subscribe(connection, topic, configOf(topic, found), since, (result) => answer(task, result));
      },
      failed: (error) => {
        // What this user may not have any more ends.
        if (isAsked() && toldError(error).error.code === "forbidden") engine.unsubscribe(connection, topic);
        task.fail(error);
      },
    });
  }

  unsubscribe(task: Task<User>, { topic }: Frame<"unsubscribe">): void {
    const { session } = task;
    const wasAsked = stopAsking(session, topic);
    const wasSubscribed = this.#setup.engine.unsubscribe(session.connection, topic);
    if (wasAsked || wasSubscribed) task.reply();
    else task.fail(errorOf("not_subscribed"));
  }

  publish(task: Task<User>, { type: event, topic, payload, key }: Frame<"publish">): void {
    const { table, calls } = this.#setup;
    const { session } = task;
    const found = table.find(topic);
    if (found === undefined) return task.fail(errorOf("unknown_topic"));
    session.publishing ??= new Lines(calls);
    const check = (): unknown => askPublish(session, topic, found, { event, payload });
    // Who subscribes and publishes in one go gets what it said.
    const subscribing = subscribeOf(session, topic);
    session.publishing.run(topic, subscribing === undefined ? check : () => subscribing.over.then(check), {
      done: (value) => {
        const { engine, limits, users } = this.#setup;
        let data;
        let scoped: ScopedKey | undefined;
        try {
          data = eventFrame(event, encoded(value));
          if (key !== undefined) scoped = scopedKey(users.identify(session), key);
        } catch (error) {
          return task.fail(error);
        }
        const options = {
          key: scoped?.key,
          keyOwner: scoped?.owner,
          keyMs: limits.retryWindowMs,
          publisher: session.connection,
          onPosition: (position: { readonly offset: number } | undefined) => published(task, position),
        };
        // It has the deadline of every other thing: a broker may never answer.
        calls.run(() => engine.publish(topic, configOf(topic, found), data, options), {
          done: (result) => published(task, (result as { readonly position: { readonly offset: number } | undefined }).position),
          failed: (error) => task.fail(error),
        });
      },
      failed: (error) => task.fail(error),
    });
    if (session.publishing.isEmpty) session.publishing = undefined;
  }
}

function published<User>(task: Task<User>, position: { readonly offset: number } | undefined): void {
  task.reply(position === undefined ? "{}" : `{"offset":${position.offset}}`);
}

function answer<User>(task: Task<User>, result: SubscribeResult | RealtimeError): void {
  if (result instanceof RealtimeError) task.fail(result);
  else task.reply(subscribedText(result));
}

function forget<User>(session: Session<User>, topic: string): void {
  session.asking?.delete(topic);
  if (session.asking?.size === 0) session.asking = undefined;
}

/** The subscribe to this topic that is not answered yet. */
function subscribeOf<User>({ unanswered }: Session<User>, topic: string): Unanswered | undefined {
  for (const task of unanswered?.values() ?? []) if (task.what.kind === "subscribe" && task.what.topic === topic) return task;
  return undefined;
}

/** @returns whether a subscribe was still being looked at. */
function stopAsking<User>(session: Session<User>, topic: string): boolean {
  const asking = session.asking?.get(topic);
  if (asking === undefined) return false;
  forget(session, topic);
  asking.fail(errorOf("replaced"));
  return true;
}
