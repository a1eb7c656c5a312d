import { Upgrader, type UpgradeRequest } from "@upwire/core";
import { attach, websocket } from "@upwire/fastify";
import Fastify, { type FastifyRequest, type FastifyTypeProvider } from "fastify";
import { chat, Echo, inferred, members, noes, rooms, upgrader, userOf } from "../shared.js";

interface Query {
  Querystring: { readonly token: string };
}

const app = Fastify({ logger: false });
await app.register(attach, { headTimeoutMs: 5000 });
app.get("/chat", websocket(chat));
app.get("/members", { preHandler: async () => {} }, websocket(members));
app.get("/rooms/:room", websocket(rooms, upgrader));
app.get("/echo", websocket(new Echo(), inferred));
for (const options of noes) app.get("/no", websocket(rooms, options));
app.route({ method: "GET", url: "/route", handler: websocket(chat) });

app.get("/a", websocket({ open: (connection) => connection.send(connection.context.id) }, { authorize: () => ({ id: "a" }) }));
app.get("/b", websocket({ options: { authorize: ({ native }) => ({ id: native.id }) }, open: (connection) => connection.send(connection.context.id) }));

// `native` is typed as Fastify types the request of any handler of this route: by the route...
app.get<Query>("/query", websocket({ open: (connection, { native }) => connection.send(native.query.token) }));
app.get<Query>("/query", websocket({ message() {} }, { authorize: ({ native }) => userOf(native.query.token) ?? false }));
// ...by annotation...
app.get(
  "/query",
  websocket({ open: ({ context }) => context?.id }, { authorize: ({ native }: UpgradeRequest<FastifyRequest<Query>>) => userOf(native.query.token) }),
);
// ...or not at all.
app.get("/query", websocket({ open: (_connection, { native }) => native.log.info(native.hostname) }));
await app.listen({ port: 8080 });
await app.upwire.shutdown({ graceMs: 1000 });

// HTTP/2 and HTTP/1.1 on one port.
const both = Fastify({ http2: true, https: { allowHTTP1: true } });
await both.register(attach);
both.get("/chat", websocket(chat));
both.get("/rooms/:room", websocket(rooms, upgrader));
both.get<Query>("/query", websocket({ open: (connection, { native }) => connection.send(native.query.token) }));
await both.upwire.shutdown();
const secure = Fastify({ https: {} });
await secure.register(attach);
secure.get("/chat", websocket(chat));
secure.get<Query>("/query", websocket({ open: (connection, { native }) => connection.send(native.query.token) }));
console.log(secure.upwire.count);

// With a type provider.
interface Provider extends FastifyTypeProvider {
  readonly validator: { readonly token: string };
}
const typed = Fastify().withTypeProvider<Provider>();
await typed.register(attach);
typed.get("/chat", { schema: { querystring: {} } }, websocket(chat));
typed.get("/rooms/:room", websocket(rooms, upgrader));

// Inside another plugin.
await app.register(async (inner) => {
  inner.get("/inner", websocket(chat));
  console.log(inner.upwire.count);
});

await app.register(async (inner) => {
  inner.get("/inner", websocket(chat));
  console.log(inner.upwire.count);
});

// @ts-expect-error -- it is `message`
app.get("/ws", websocket({ onMessage() {} }));
// @ts-expect-error -- it is `authorize`
app.get("/ws", websocket(chat, { authorise: () => false }));
// @ts-expect-error -- rooms need a user
app.get("/ws", websocket(rooms, { authorize: () => ({ id: 1 }) }));
// @ts-expect-error -- the query of this route has no such name
app.get<Query>("/ws", websocket({ open: (_connection, { native }) => native.query.room }));
// @ts-expect-error -- Fastify does not know the query of a route that does not tell
app.get("/ws", websocket({ open: (_connection, { native }) => native.query.token }));
// @ts-expect-error -- the plugin is registered, and not called with a server
void attach(app.server);
// @ts-expect-error -- there is no such option
await app.register(attach, { headTimeout: 5000 });
export const asksTheQuery = new Upgrader({ authorize: ({ native }: UpgradeRequest<FastifyRequest<Query>>) => ({ id: native.query.token }) });
app.get<Query>("/query", websocket({ open: ({ context }) => context.id.length }, asksTheQuery));
