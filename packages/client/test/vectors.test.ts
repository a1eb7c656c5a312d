import { createClient, type AskOptions, type Topic } from "@upwire/client";
import type { AnyContract } from "@upwire/protocol";
import { runClientVectors, type VectorClient, type VectorReport } from "@upwire/testing/vectors";
import { expect, it } from "vitest";
import { WebSocket } from "ws";

const events = ["echo", "note"];
const topicEvents = ["message", "blob", "note", "tick"];

/** The client, told by the orders of the vectors and reporting as they say. */
function underTest(url: string, report: (what: VectorReport) => void): VectorClient {
  const client = createClient(url, { WebSocket, onError: () => {} });
  const signals = new Map<string, AbortController>();
  for (const type of events) client.on(type, (payload) => report({ type, payload }));
  client.onStatus((status) => status.state === "closed" && report({ closed: status.code }));

  function follow(topic: Topic<AnyContract, string>): void {
    // What `resumed: false` means for a client with a position is reported as such.
    let isBeginning = false;
    topic.onSubscribed(({ resumed }) => {
      isBeginning = !resumed;
      queueMicrotask(() => (isBeginning = false));
      report({ subscribed: topic.name, resumed });
    });
    topic.onGap(({ reason }) => isBeginning || report({ gap: topic.name, reason }));
    topic.onEnded((error) => {
      const code = (error as { code?: string } | undefined)?.code;
      report(topic.position === undefined && code !== undefined ? { refused: topic.name, code } : { unsubscribed: topic.name, ...(code && { code }) });
    });
    topic.on("state", (payload) => report({ state: topic.name, payload }));
    for (const type of topicEvents) topic.on(type, (payload) => report({ publication: topic.name, type, payload }));
  }

  function answered(name: string, answer: Promise<unknown>): void {
    void answer.then(
      (payload) => report({ reply: name, payload }),
      (error: { code?: unknown; name: string }) => report({ failed: name, code: error.name === "AbortError" ? "cancelled" : error.code }),
    );
  }

  return {
    close: () => client.close(),
    do({ do: order, name = "", topic = "", type = "", payload, key }) {
      const options: AskOptions = { key };
      if (order === "send") client.send(type, payload);
      else if (order === "subscribe") follow(client.topic(topic, {}));
      else if (order === "listen") follow(client.topic(topic, {}, { byServer: true }));
      else if (order === "unsubscribe") client.topic(topic, {}).unsubscribe();
      else if (order === "publish") answered(name, client.topic(topic, {}).publish(type, payload, options));
      else if (order === "cancel") signals.get(name)?.abort();
      else {
        const controller = new AbortController();
        signals.set(name, controller);
        answered(name, client.request(type, payload, { ...options, signal: controller.signal }));
      }
    },
  };
}

it("passes all vectors of the protocol for clients", async () => {
  const results = await runClientVectors(underTest);
  expect(results.filter(({ fault }) => fault !== undefined)).toEqual([]);
  expect(results.length).toBeGreaterThan(35);
});
