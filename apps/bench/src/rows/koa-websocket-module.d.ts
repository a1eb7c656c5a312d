// The types on npm give every Koa context of the program a `websocket`, also where there is none.
declare module "koa-websocket" {
  import type Koa from "koa";
  import type { WebSocket } from "ws";

  interface WebSocketApp extends Koa {
    readonly ws: { use(middleware: (context: { readonly websocket: WebSocket; readonly url: string }) => void): void };
  }

  export default function websockify(app: Koa): WebSocketApp;
}
