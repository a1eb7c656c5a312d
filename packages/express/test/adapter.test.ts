import { once } from "node:events";
import { createServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { setTimeout as delay } from "node:timers/promises";
import { describeAdapter, type AdapterSetup, type RunningServer } from "@upwire/testing";
import express, { type ErrorRequestHandler } from "express";
import session from "express-session";
import { attach, websocket } from "../src/index.ts";

declare module "express-session" {
  interface SessionData {
    n: number;
  }
}

async function build({ routes, onRequest, attachOptions, pages, tls }: AdapterSetup): Promise<RunningServer> {
  const app = express();
  app.use((req, res, next) => {
    onRequest(req.path, req, res);
    res.set("x-middleware", "1").cookie("a", "1").cookie("b", "2");
    next();
  });
  app.use("/slow", async (_req, _res, next) => {
    await delay(50);
    next();
  });
  app.use("/private", (_req, res) => {
    res.status(401).set("x-refused", "1").send("no entry");
  });
  app.use("/throws", () => {
    throw new Error("middleware throws");
  });
  app.use("/session", session({ secret: "secret", resave: false, saveUninitialized: false }), (req, _res, next) => {
    req.session.n = (req.session.n ?? 0) + 1;
    req.headers["x-session-n"] = `${req.session.n}`;
    next();
  });
  app.get("/http", (_req, res) => {
    res.send("http");
  });
  app.post("/body", express.json(), (req, res) => {
    res.json(req.body);
  });
  for (const { path, serve } of pages) app.get(path, serve);
  for (const { path, handler, options } of routes) app.get(path, websocket(handler, options));
  // Express's own answer, without its lines on stderr.
  const quiet: ErrorRequestHandler = (error, _req, res, next) => {
    if (res.headersSent) next(error);
    else res.status((error as { status?: number }).status ?? 500).send("failed");
  };
  app.use(quiet);

  const server = tls === undefined ? createServer(app) : createHttpsServer(tls, app);
  const attachment = attach(server, attachOptions);
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { server, attachment, close: async () => void (await once(server.close(), "close")) };
}

describeAdapter("express", build);
