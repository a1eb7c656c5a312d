// The process that subscribes.
import { serve, settingsOfChild } from "@upwire-apps/faults/child";
import { topicsRows } from "./rows.ts";

export interface TopicsSettings {
  readonly row: string;
  readonly url: string;
}

export type TopicsApi = {
  /** @returns how long it took until all was acknowledged, and what this process worked for it. Milliseconds. */
  subscribe(count: number): Promise<{ readonly ms: number; readonly cpuMs: number }>;
};

const { row, url } = settingsOfChild() as TopicsSettings;
const node = await topicsRows[row]?.start(url);

const api: TopicsApi = {
  async subscribe(count) {
    const topics = Array.from({ length: count }, (_, index) => `room:${index}`);
    const start = performance.now();
    const before = process.cpuUsage();
    await node?.subscribe(topics);
    const { user, system } = process.cpuUsage(before);
    return { ms: performance.now() - start, cpuMs: (user + system) / 1000 };
  },
};
serve(api);
