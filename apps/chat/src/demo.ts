import type { Attachment, ConnectionHandler, UpgraderOptions } from "@upwire/core";
import type { RealtimeStats } from "@upwire/realtime";
import type { Server as HttpServer } from "node:http";
import type { Server as HttpsServer } from "node:https";
import type { Page } from "./page.ts";

/** What every framework's main file serves. */
export interface Demo {
  /** The handler of `/ws`. */
  readonly chat: ConnectionHandler;
  /** Who may reach both. */
  readonly chatOptions: UpgraderOptions;
  /** The handler of `/ws/echo`, which brings its own limits. */
  readonly echo: ConnectionHandler;
  /** The page of `GET /`; `framework` is shown on it. */
  chatPage(framework: string): Page;
  /** The page of `GET /ws/echo_display`. */
  readonly echoPage: Page;
  /** What the chat counts, for metrics. */
  readonly realtime: { readonly stats: RealtimeStats };
  /** What a new demo needs to go on where this one is. Call it when the servers close: nothing is published after it. */
  save(): Promise<Uint8Array>;
  /** Stops the time broadcast and frees what the chat holds. The servers close their clients themselves, before. */
  stop(): Promise<void>;
}

/** What a main file needs to start. */
export interface StartOptions {
  readonly demo: Demo;
  /** Name or address to listen on. */
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** PEM; with it the demo speaks https and wss. */
  readonly tls?: { readonly key: string; readonly cert: string } | undefined;
}

/** A demo that listens. */
export interface RunningDemo {
  readonly server: HttpServer | HttpsServer;
  readonly attachment: Attachment;
  /** Closes every client with 1001 and stops listening. */
  close(): Promise<unknown>;
}
