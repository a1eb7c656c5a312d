// The process that subscribes.
import { serve, settingsOfChild } from "@upwire-apps/faults/child";
import { topicsRows } from "./rows.ts";

export interface TopicsSettings {
  readonly row: string;
  readonly url: string;
}

export type TopicsApi = {
  /** @returns how long it took until all was acknowledged. Milliseconds. */
  subscribe(count: number): Promise<number>;
};

const { row, url } = settingsOfChild() as TopicsSettings;
const node = await topicsRows[row]?.start(url);

const api: TopicsApi = {
  async subscribe(count) {
    const topics = Array.from({ length: count }, (_, index) => `room:${index}`);
    const start = performance.now();
    await node?.subscribe(topics);
    return performance.now() - start;
  },
};
serve(api);
