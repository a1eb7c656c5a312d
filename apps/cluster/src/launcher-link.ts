// What a server and the launcher that started it say to each other, over the channel of child_process.
import type { Action, ServerStatus } from "./contract.ts";

export type ToServer = { readonly servers: readonly ServerStatus[] };
export type ToLauncher =
  | { readonly listening: { readonly port: number; readonly node: string } }
  | { readonly asked: { readonly action: Action; readonly server: number } };

/** The launcher, as a server sees it. */
export interface Launcher {
  readonly servers: ServerStatus[];
  onChange(listener: () => void): void;
  ask(action: Action, server: number): void;
  listening(port: number, node: string): void;
}

/** The launcher of this process, if one has started it. The process ends with the launcher, however that ends. */
export function connectLauncher(): Launcher | undefined {
  if (process.send === undefined) return undefined;
  const listeners: (() => void)[] = [];
  let servers: ServerStatus[] = [];
  const tell = (message: ToLauncher): void => void process.send?.(message);
  process.on("message", (message: ToServer) => {
    servers = [...message.servers];
    for (const listener of listeners) listener();
  });
  process.on("disconnect", () => process.exit());
  // The launcher may have ended while this process loaded its modules.
  if (!process.connected) process.exit();
  return {
    get servers() {
      return servers;
    },
    onChange: (listener) => void listeners.push(listener),
    ask: (action, server) => tell({ asked: { action, server } }),
    listening: (port, node) => tell({ listening: { port, node } }),
  };
}

/** Why this cannot be done now; `undefined` when it can. */
export function refusalOf(action: Action, number: number, servers: readonly ServerStatus[]): string | undefined {
  const state = servers.find((server) => server.number === number)?.state;
  if (state === undefined) return `There is no server ${number}`;
  if (action === "start") return state === "stopped" ? undefined : `Server ${number} is ${state}; only a stopped one is started`;
  if (state === "stopped") return `Server ${number} is stopped already`;
  const others = servers.filter((server) => server.number !== number && server.state === "running");
  return others.length > 0 ? undefined : `Server ${number} is the last one that runs; start another one first`;
}
