// Is a long-running operation begun and asked about as Azure was recorded to do it?
//
// The live validator looks at no header of an answer without a body and knows no operation URLs. What is right
// is read out of the recordings: which headers a provider sends with which verb and status, and which fields the
// answers to its polls have.

import fs from "node:fs";
import path from "node:path";

const OVER = ["succeeded", "failed", "canceled", "cancelled"];

export class Operations {
  constructor(root) {
    this.begun = new Map();
    this.polls = new Map();
    for (const file of fs.readdirSync(path.join(root, "recordings"))) {
      this.learn(JSON.parse(fs.readFileSync(path.join(root, "recordings", file), "utf8")).interactions ?? []);
    }
    this.worlds = new Map();
  }

  learn(interactions) {
    const status = new Set();
    for (const { method, uri, status: code, responseHeaders, responseBody } of interactions) {
      const headers = folded(responseHeaders);
      const way = wayOf(headers);
      if (method !== "GET" && code < 300 && way) {
        const key = `${namespace(uri)} ${method} ${code}`;
        this.begun.set(key, (this.begun.get(key) ?? new Set()).add(way));
      }
      if (headers["azure-asyncoperation"]) status.add(place(headers["azure-asyncoperation"]));
      if (method === "GET" && code < 300 && status.has(place(uri)) && responseBody?.status) {
        const fields = Object.keys(responseBody);
        const known = this.polls.get(namespace(uri));
        this.polls.set(namespace(uri), {
          all: new Set([...(known?.all ?? []), ...fields]),
          always: known ? fields.filter((field) => known.always.includes(field)) : fields,
        });
      }
    }
  }

  world(name) {
    if (!this.worlds.has(name)) this.worlds.set(name, new Map());
    return this.worlds.get(name);
  }

  /** Finds the operation whose URL is asked, in one world. */
  asked(world, method, url) {
    return method === "GET" ? this.world(world).get(place(url)) : undefined;
  }

  /** Judges an answer that may have begun an operation, and remembers its URLs. */
  begins(world, exchange, operation) {
    const { url, method } = exchange.liveRequest;
    const { statusCode, headers } = exchange.liveResponse;
    const found = [];
    const way = wayOf(headers);
    if (method === "GET" || Number(statusCode) >= 300) return found;
    if (statusCode === "202" && !way) found.push("202 without Azure-AsyncOperation or Location: nobody can ask on");
    if (way && operation && !operation.longRunning) found.push(`${way} on an operation that is not long-running`);
    const declared = operation?.responseHeaders?.[statusCode] ?? [];
    for (const header of declared) {
      if (!headers[header.toLowerCase()] && !optional(header)) found.push(`${statusCode} without its declared header ${header}`);
    }
    const seen = this.begun.get(`${namespace(url)} ${method} ${statusCode}`);
    if (way && seen && !seen.has(way)) {
      found.push(`${namespace(url)} was seen to answer ${method} ${statusCode} with ${[...seen].join(" or ")}, not with ${way}`);
    }
    for (const [header, kind] of [["azure-asyncoperation", "status"], ["location", "result"]]) {
      const target = headers[header];
      if (!target) continue;
      const whole = /^https?:\/\//.test(target) && URL.canParse(target);
      if (!whole || !new URL(target).searchParams.get("api-version")) {
        found.push(`${header} is no absolute URL with an api-version: ${target}`);
        continue;
      }
      this.world(world).set(place(target), { kind, begun: exchange, operation, over: undefined });
    }
    return found;
  }

  /** Judges the answer to a poll. */
  polled(world, exchange, known) {
    const { url } = exchange.liveRequest;
    const { statusCode, headers, body } = exchange.liveResponse;
    const found = [];
    const code = Number(statusCode);
    if (code >= 400) {
      if (!body || typeof body !== "object") found.push("a refused poll without a body");
      return found;
    }
    if (known.kind === "status") {
      if (code !== 200 && code !== 202) found.push(`${code} on an Azure-AsyncOperation URL`);
      if (typeof body?.status !== "string") return [...found, "a status poll without a status"];
      const word = body.status;
      const over = OVER.includes(word.toLowerCase());
      if (known.over && word !== known.over) found.push(`an operation that was ${known.over} is ${word}`);
      if (over) known.over = word;
      if (over && !["Succeeded", "Failed", "Canceled"].includes(word)) found.push(`\`${word}\` is no terminal word of ARM`);
      if (["Failed", "Canceled"].includes(word) && !body.error?.code) found.push(`${word} without an error code`);
      const seen = this.polls.get(namespace(url));
      for (const field of seen ? Object.keys(body) : []) {
        if (!seen.all.has(field)) found.push(`$.${field}: ${namespace(url)} was never seen to send it in a poll`);
      }
      for (const field of seen?.always ?? []) {
        if (!(field in body)) found.push(`$.${field}: ${namespace(url)} always sent it in a poll`);
      }
    } else if (code === 202) {
      if (known.over) found.push("a result that had been there is awaited again");
    } else {
      known.over = statusCode;
      if (code === 204 && body !== undefined) found.push("204 with a body");
    }
    const after = headers["retry-after"];
    if (after !== undefined && !/^\d+$/.test(after)) found.push(`retry-after: ${after} is no number of seconds`);
    return found;
  }
}

// Retry-After is declared in places where Azure was never seen to send it, and the recorder dropped it elsewhere.
function optional(header) {
  return !["location", "azure-asyncoperation"].includes(header.toLowerCase());
}

export function folded(headers) {
  const pairs = Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)]);
  return Object.fromEntries(pairs);
}

function wayOf(headers) {
  const ways = ["azure-asyncoperation", "location"].filter((name) => headers[name]);
  return ways.join(" and ") || undefined;
}

/** Where a URL leads, whatever its case and the rest of its query: Compute's two URLs have one path, and the one that leads to the result says so. */
function place(url) {
  const whole = new URL(url, "https://management.azure.com");
  const monitor = whole.searchParams.get("monitor") === "true" ? "?monitor" : "";
  return whole.pathname.toLowerCase() + monitor;
}

/** The provider that serves a path: the last one that it names. */
export function namespace(url) {
  return place(url).split("/providers/").at(-1).split("/")[0] || "none";
}
