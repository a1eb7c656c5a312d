import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Broker, BrokerPublication } from "@upwire/cluster/broker";
import { meshBroker, type MeshBrokerOptions } from "@upwire/cluster/mesh";
import { onTestFinished } from "vitest";

/** A folder of its own for one test. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "upwire-mesh-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export interface StartedNode {
  readonly broker: Broker;
  readonly told: (readonly [topic: string, publication: BrokerPublication])[];
  readonly gaps: string[];
  readonly heard: (readonly [from: string, text: string])[];
  readonly errors: Error[];
}

/** Starts a node, and closes it after the test. */
export async function startNode(options: MeshBrokerOptions): Promise<StartedNode> {
  const node: StartedNode = { broker: meshBroker({ ...options, onError: (error) => void node.errors.push(error) }), told: [], gaps: [], heard: [], errors: [] };
  await node.broker.start({
    message: (topic, publication) => void node.told.push([topic, publication]),
    top: () => {},
    gap: (topic) => void node.gaps.push(topic),
    state: () => {},
    told: (from, data) => void node.heard.push([from, new TextDecoder().decode(data)]),
    nodes: () => {},
  });
  onTestFinished(() => node.broker.close());
  return node;
}

/** Waits, turn after turn of the event loop. */
export async function until(what: string, holds: () => boolean, withinMs: number = 5000): Promise<void> {
  const end = performance.now() + withinMs;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`${what}: not within ${withinMs} ms`);
    await new Promise((resolve) => void setImmediate(resolve));
  }
}
