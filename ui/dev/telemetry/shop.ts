/** A small shop under steady, varied traffic: successes, client errors, a slow dependency, a failing one. */
import type { Random } from "./otlp.ts";
import { TraceBuilder } from "./trace_builder.ts";

const stack = `java.lang.IllegalStateException: connection pool exhausted after 500 ms
	at shop.catalogue.db.Pool.acquire(Pool.java:118)
	at shop.catalogue.db.ProductRepository.findAll(ProductRepository.java:64)
	at shop.catalogue.web.ProductController.list(ProductController.java:41)
	at jdk.internal.reflect.DirectMethodHandleAccessor.invoke(DirectMethodHandleAccessor.java:103)
	at org.springframework.web.method.support.InvocableHandlerMethod.doInvoke(InvocableHandlerMethod.java:255)
	at org.springframework.web.servlet.DispatcherServlet.doDispatch(DispatcherServlet.java:1089)
	at jakarta.servlet.http.HttpServlet.service(HttpServlet.java:614)
	at java.base/java.lang.Thread.run(Thread.java:1583)
Caused by: java.net.SocketTimeoutException: Read timed out
	at java.base/sun.nio.ch.NioSocketImpl.timedRead(NioSocketImpl.java:278)
	at org.postgresql.core.VisibleBufferedInputStream.readMore(VisibleBufferedInputStream.java:162)
	... 12 more`;

const http = (method: string, route: string, status: number) => ({
  "http.request.method": method,
  "http.route": route,
  "url.path": route.replace("{id}", "8421"),
  "http.response.status_code": status,
  "server.address": "shop.example",
});

export function randomTrace(random: Random, startMs: number): TraceBuilder {
  const scene = random.next();
  if (scene < 0.42) return browse(random, startMs);
  if (scene < 0.62) return login(random, startMs);
  if (scene < 0.86) return checkout(random, startMs, random.next() < 0.12);
  if (scene < 0.94) return health(random, startMs);
  return brokenCatalogue(random, startMs);
}

function sql(t: TraceBuilder, random: Random, service: string, parent: string, at: number, statement: string, typical = 2.2): number {
  const ms = random.latency(typical);
  const [verb = "SELECT", table = "rows"] = statement.split(" ");
  t.span({
    service,
    name: `${verb} ${table}`,
    kind: "client",
    parent,
    at,
    ms,
    attributes: {
      "db.system.name": "postgresql",
      "db.namespace": service,
      "db.query.text": `${verb} * FROM ${table} WHERE id = $1`,
      "db.response.returned_rows": Math.floor(random.next() * 40),
    },
  });
  return at + ms;
}

export function browse(random: Random, startMs: number): TraceBuilder {
  const t = new TraceBuilder(random, startMs);
  const slow = random.next() < 0.08;
  const query = random.latency(slow ? 620 : 9);
  const total = query + random.latency(14);
  const root = t.span({ service: "gateway", name: "GET /products", kind: "server", at: 0, ms: total, attributes: http("GET", "/products", 200) });
  const call = t.span({ service: "gateway", name: "GET", kind: "client", parent: root, at: 1.2, ms: total - 2.1, attributes: http("GET", "/products", 200) });
  const list = t.span({ service: "catalogue", name: "GET /products", kind: "server", parent: call, at: 2.4, ms: total - 4.6, attributes: { ...http("GET", "/products", 200), "product.category": random.pick(["books", "tools", "garden"]) } });
  t.span({ service: "catalogue", name: "cache get", parent: list, at: 3, ms: 0.4, attributes: { "cache.hit": false }, events: [{ at: 3.3, name: "cache miss", attributes: { key: "products:p1" } }] });
  t.span({ service: "catalogue", name: "SELECT products", kind: "client", parent: list, at: 3.6, ms: query, attributes: { "db.system.name": "postgresql", "db.query.text": "SELECT * FROM products WHERE category = $1 ORDER BY rank LIMIT 50" } });
  t.span({ service: "catalogue", name: "render", parent: list, at: 3.8 + query, ms: Math.max(0.3, total - query - 9) });
  t.log("catalogue", 3.4, "DEBUG", "cache miss, asking the database", list, { key: "products:p1" });
  if (slow) t.log("catalogue", 3.6 + query, "WARN", `slow query: ${query.toFixed(0)} ms for products by category`, list, { "db.rows": 50 });
  return t;
}

export function login(random: Random, startMs: number): TraceBuilder {
  const t = new TraceBuilder(random, startMs);
  const denied = random.next() < 0.22;
  const code = denied ? 401 : 200;
  const argon = random.latency(54);
  const total = argon + random.latency(12);
  const root = t.span({ service: "gateway", name: "POST /login", kind: "server", at: 0, ms: total, attributes: http("POST", "/login", code) });
  const call = t.span({ service: "gateway", name: "POST", kind: "client", parent: root, at: 0.8, ms: total - 1.5, attributes: http("POST", "/login", code) });
  const handler = t.span({ service: "accounts", name: "POST /login", kind: "server", parent: call, at: 1.4, ms: total - 2.8, attributes: { ...http("POST", "/login", code), "enduser.id": `u-${Math.floor(random.next() * 900)}` } });
  const next = sql(t, random, "accounts", handler, 2, "SELECT users");
  t.span({ service: "accounts", name: "argon2 verify", parent: handler, at: next + 0.2, ms: Math.min(argon, total - next - 2), attributes: { "argon2.memory_kib": 19456, "argon2.lanes": 1 } });
  t.log("accounts", total - 2, denied ? "WARN" : "INFO", denied ? "login refused: wrong password" : "login accepted", handler, { attempt: 1 });
  return t;
}

export function checkout(random: Random, startMs: number, failing: boolean): TraceBuilder {
  const t = new TraceBuilder(random, startMs);
  const pay = random.latency(failing ? 900 : 130);
  const total = pay + 60 + random.latency(22);
  const code = failing ? 502 : 201;
  const fault = failing ? "payment provider timed out" : undefined;
  const root = t.span({ service: "gateway", name: "POST /orders", kind: "server", at: 0, ms: total, attributes: http("POST", "/orders", code), ...(fault ? { error: fault } : {}) });
  const call = t.span({ service: "gateway", name: "POST", kind: "client", parent: root, at: 1, ms: total - 2, attributes: http("POST", "/orders", code), ...(fault ? { error: fault } : {}) });
  const order = t.span({ service: "orders", name: "POST /orders", kind: "server", parent: call, at: 2.2, ms: total - 4.4, attributes: { ...http("POST", "/orders", code), "order.items": 1 + Math.floor(random.next() * 6), "order.total": Math.round(random.next() * 40000) / 100 }, ...(fault ? { error: fault } : {}) });
  let at = sql(t, random, "orders", order, 3, "INSERT orders", 4);
  const reserve = t.span({ service: "orders", name: "reserve", parent: order, at, ms: 24 });
  for (let i = 0; i < 3; i += 1) {
    const item = t.span({ service: "inventory", name: "Inventory/Reserve", kind: "server", parent: reserve, at: at + 1 + i * 2, ms: random.latency(12), attributes: { "rpc.system": "grpc", "rpc.service": "Inventory", "rpc.method": "Reserve", sku: `SKU-${100 + i}` } });
    sql(t, random, "inventory", item, at + 2 + i * 2, "UPDATE stock", 3);
  }
  at += 26;
  const charge = t.span({ service: "payments", name: "charge card", kind: "server", parent: order, at, ms: pay, attributes: { "payment.provider": "acme-pay", "payment.currency": "EUR" }, ...(fault ? { error: fault } : {}) });
  t.span({ service: "payments", name: "POST api.acme-pay.example", kind: "client", parent: charge, at: at + 1, ms: pay - 2, attributes: { "http.request.method": "POST", "server.address": "api.acme-pay.example", "http.response.status_code": failing ? 504 : 200 }, ...(fault ? { error: "504 Gateway Timeout", events: [{ at: at + pay - 2, name: "exception", attributes: { "exception.type": "payments::ProviderError", "exception.message": "provider answered 504 after 3 attempts", "exception.stacktrace": "payments::ProviderError: provider answered 504 after 3 attempts\n   0: payments::client::charge\n             at src/client.rs:88:13\n   1: payments::handler::charge_card\n             at src/handler.rs:41:22\n   2: tokio::runtime::task::core::Core<T,S>::poll\n             at /cargo/registry/tokio-1.52.0/src/runtime/task/core.rs:331:17\n" } }] } : {}) });
  if (failing) {
    for (const attempt of [1, 2, 3]) t.log("payments", at + (pay * attempt) / 4, "WARN", `attempt ${attempt} of 3 timed out`, charge, { attempt });
    t.log("payments", at + pay - 1, "ERROR", "giving up on the payment provider: 504 Gateway Timeout", charge, { "payment.provider": "acme-pay" });
  } else {
    const sent = t.span({ service: "orders", name: "send order.placed", kind: "producer", parent: order, at: at + pay + 2, ms: 1.4, attributes: { "messaging.system": "nats", "messaging.destination.name": "order.placed" } });
    t.span({ service: "mailer", name: "process order.placed", kind: "consumer", parent: sent, at: at + pay + 30, ms: random.latency(40), attributes: { "messaging.system": "nats", "messaging.destination.name": "order.placed" } });
    t.log("orders", at + pay + 2, "INFO", "order placed", order, { "order.items": 3 });
  }
  return t;
}

function health(random: Random, startMs: number): TraceBuilder {
  const t = new TraceBuilder(random, startMs);
  t.span({ service: random.pick(["accounts", "orders", "inventory"]), name: "refresh config", at: 0, ms: random.latency(1.1), ok: true });
  return t;
}

export function brokenCatalogue(random: Random, startMs: number): TraceBuilder {
  const t = new TraceBuilder(random, startMs);
  const fault = "connection pool exhausted";
  const root = t.span({ service: "gateway", name: "GET /products/{id}", kind: "server", at: 0, ms: 518, attributes: http("GET", "/products/{id}", 500), error: fault });
  const call = t.span({ service: "gateway", name: "GET", kind: "client", parent: root, at: 1.3, ms: 515, attributes: http("GET", "/products/{id}", 500) });
  const get = t.span({ service: "catalogue", name: "GET /products/{id}", kind: "server", parent: call, at: 2.8, ms: 511, attributes: http("GET", "/products/{id}", 500), error: fault });
  t.span({
    service: "catalogue",
    name: "acquire connection",
    parent: get,
    at: 3.4,
    ms: 503,
    error: fault,
    attributes: { "pool.size": 10, "pool.waiting": 37, tags: ["db", "pool"], limits: { max: 10, timeoutMs: 500 } },
    events: [
      { at: 120, name: "still waiting", attributes: { "pool.waiting": 31 } },
      { at: 380, name: "still waiting", attributes: { "pool.waiting": 37 } },
      { at: 505, name: "exception", attributes: { "exception.type": "java.lang.IllegalStateException", "exception.message": "connection pool exhausted after 500 ms", "exception.stacktrace": stack, "exception.escaped": true } },
    ],
  });
  t.log("catalogue", 505, "ERROR", "connection pool exhausted after 500 ms", get, { "pool.size": 10, "pool.waiting": 37 });
  return t;
}
