import { createClient, type AskOptions, type SubscribedInfo, type Topic, type TopicOptions } from "@upwire/client";
import { runClientVectors, type VectorClient, type VectorReport } from "@upwire/testing/vectors";
import type { AnyContract } from "@upwire/protocol";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";

/** The client, told by orders and reporting by name. */
function underTest(url: string, report: (what: VectorReport) => void): VectorClient {
  const client = createClient(url, { WebSocket, random: () => 0, onError: () => {} });
  const signals = new Map<string, AbortController>();
  const answered = (name: string, answer: Promise<unknown>): void =>
    void answer.then(
      (payload) => report({ reply: name, payload }),
      (error: { code: unknown }) => report({ failed: name, code: error.code }),
    );
  const topicOf = (name: string, options?: TopicOptions): Topic<AnyContract, string> => client.topic(name, {}, options);
  const listen = (name: string, options?: TopicOptions): void => {
    const topic = topicOf(name, options);
    // What a subscription that was lost without resume begins with is a gap for the application, and no `gap` of the vectors.
    let isSubscribing = false;
    let wasSubscribed = false;
    topic.onSubscribed(({ resumed }: SubscribedInfo) => {
      isSubscribing = true;
      wasSubscribed = true;
      report({ subscribed: name, resumed });
      queueMicrotask(() => (isSubscribing = false));
    });
    topic.onGap(({ reason }) => isSubscribing || report({ gap: name, reason }));
    topic.onEnded((error) => {
      const code = (error as { code?: string } | undefined)?.code;
      report(wasSubscribed ? { unsubscribed: name, ...(code !== undefined && { code }) } : { refused: name, code });
    });
    topic.on("state", (payload) => report({ state: name, payload }));
    for (const type of ["message", "blob", "note", "tick"]) topic.on(type, (payload) => report({ publication: name, type, payload }));
  };
  client.on("echo", (payload) => report({ type: "echo", payload }));
  client.onStatus((status) => status.state === "closed" && report({ closed: status.code }));
  const optionsOf = (key: string | undefined, signal?: AbortSignal): AskOptions => ({ key, signal });
  return {
    close: () => client.close(),
    do({ do: order, name = "", topic = "", type = "", payload, key }) {
      if (order === "send") client.send(type, payload);
      else if (order === "subscribe") listen(topic);
      else if (order === "listen") listen(topic, { byServer: true });
      else if (order === "unsubscribe") topicOf(topic).unsubscribe();
      else if (order === "cancel") signals.get(name)?.abort(Object.assign(new Error("cancelled"), { code: "cancelled" }));
      else if (order === "publish") answered(name, topicOf(topic).publish(type, payload, optionsOf(key)));
      else {
        const controller = new AbortController();
        signals.set(name, controller);
        answered(name, client.request(type, payload, optionsOf(key, controller.signal)));
      }
    },
  };
}

describe("the vectors of upwire.v1", () => {
  it("are passed by the client", { timeout: 60_000 }, async () => {
    const results = await runClientVectors(underTest);
    expect(results.filter(({ fault }) => fault !== undefined)).toEqual([]);
    expect(results.length).toBeGreaterThan(40);
  });
});
