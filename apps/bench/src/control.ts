import { createServer } from "node:http";
import { json } from "node:stream/consumers";
import { listen, type Row } from "./rows/row.ts";

/** What the driver asks of the process of a row. */
export interface Control {
  /** Publishes these texts in the topic. Settles when a member that comes back would get them. */
  publish(texts: readonly string[]): Promise<void>;
  /** What V8 has on its heap and outside for it after a collection. Bytes. */
  heap(): Promise<number>;
}

type Call = keyof Control;

/** Serves the calls of the driver on a port of its own, beside what is measured. @returns the port. */
export function serveControl(row: Row): Promise<number> {
  const control: Control = {
    publish: async (texts) => row.publish?.(texts),
    async heap() {
      // What a finalizer lets go of is collected by the next one.
      for (let round = 0; round < 3; round++) globalThis.gc?.();
      const { heapUsed, external } = process.memoryUsage();
      return heapUsed + external;
    },
  };
  const server = createServer((req, res) => {
    const call = req.url?.slice(1) as Call;
    void json(req)
      .then((args) => (control[call] as (...args: readonly unknown[]) => Promise<unknown>)(...(args as readonly unknown[])))
      .then((result) => res.end(JSON.stringify({ result })));
  });
  return listen(server);
}

/** The other end of `serveControl`. @throws Error when the process is gone. */
export function controlOf(port: number): Control {
  const call = async (name: Call, ...args: readonly unknown[]): Promise<unknown> => {
    const response = await fetch(`http://127.0.0.1:${port}/${name}`, { method: "POST", body: JSON.stringify(args) });
    return ((await response.json()) as { readonly result?: unknown }).result;
  };
  return {
    publish: async (texts) => void (await call("publish", texts)),
    heap: async () => Number(await call("heap")),
  };
}
