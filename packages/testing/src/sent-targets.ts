import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { logEvents, type ConnectionHandler, type UpgradeRequest, type UpgraderOptions } from "@upwire/core";
import { expect, it, onTestFinished } from "vitest";
import { WireClient } from "./wire-client.ts";

export interface MountedRoute {
  readonly handler: ConnectionHandler;
  readonly options: UpgraderOptions;
}

export interface MountedServer {
  readonly server: Pick<Server, "address">;
  close(): unknown;
}

export interface SentTarget {
  /** What the client asks for. */
  readonly sent: string;
  /** What the router sees that the route belongs to. */
  readonly routed: string;
  /** Puts the route where that is so, and listens on loopback. */
  readonly mount: (route: MountedRoute) => Promise<MountedServer>;
}

/** A test for a route below a mount, or behind a rewrite: everything but `routedUrl` shows the target that was sent. */
export function itKeepsTheSentTarget(title: string, { sent, routed, mount }: SentTarget): void {
  it(`shows the target as it was sent ${title}`, async () => {
    const seen: unknown[] = [];
    const note = (where: string, { url, path, routedUrl, query }: UpgradeRequest): void => void seen.push([where, url, path, routedUrl, query.get("a")]);
    const handler: ConnectionHandler = {
      open(connection, request) {
        note("open", request);
        seen.push(connection.request.url);
      },
    };
    const options: UpgraderOptions = {
      authorize: (request) => note("authorize", request),
      onReject: ({ code }, request) => note(code, request),
    };
    const lines: string[] = [];
    onTestFinished(logEvents({ write: (line) => void lines.push(line) }));
    const { server, close } = await mount({ handler, options });
    onTestFinished(() => void close());
    const { port } = server.address() as AddressInfo;

    const path = `${sent}?a=1`;
    const views = (where: string): unknown[] => [where, path, sent, `${routed}?a=1`, "1"];
    expect((await (await WireClient.open({ port, path })).answered).status).toBe(101);
    expect(seen).toEqual([views("authorize"), views("open"), path]);
    seen.length = 0;
    expect((await (await WireClient.open({ port, path, version: "12" })).answered).status).toBe(426);
    // A plain request does not come by `attach`.
    expect((await fetch(`http://127.0.0.1:${port}${path}`)).status).toBe(426);
    expect(seen).toEqual([views("ERR_VERSION"), views("ERR_NOT_UPGRADE")]);
    expect(lines.map((line) => (JSON.parse(line) as { readonly path: string }).path)).toEqual([`${sent}?a=***`, `${sent}?a=***`]);
  });
}
