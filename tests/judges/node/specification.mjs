// What does the official specification say about a field that stands in a body?
//
// The live validator checks types, required and undeclared fields. This walks the same schemas for what it lets
// pass: words outside an extensible enumeration, bodies and queries that an operation does not take.

import fs from "node:fs";
import path from "node:path";

const VERBS = ["get", "put", "post", "patch", "delete", "head", "options"];

/** The specification's files, read once each, and its operations by id and version. */
export class Specification {
  constructor(root) {
    this.root = root;
    this.files = new Map();
    this.operations = new Map();
    this.children = new Map();
    const index = JSON.parse(fs.readFileSync(path.join(root, "derived/spec-operations.json"), "utf8"));
    this.index = index.operations;
    for (const operation of this.index) {
      this.operations.set(`${operation.operationId}@${operation.apiVersion}`.toLowerCase(), operation);
    }
    this.newest = newestWords(path.join(root, "derived/newest-enums.json"));
  }

  /** Every file that holds operations. */
  specFiles() {
    const files = new Set(this.index.map((operation) => path.join(this.root, operation.file)));
    return [...files].sort();
  }

  find(operationId, apiVersion) {
    return this.operations.get(`${operationId}@${apiVersion}`.toLowerCase());
  }

  read(file) {
    if (!this.files.has(file)) this.files.set(file, JSON.parse(fs.readFileSync(file, "utf8")));
    return this.files.get(file);
  }

  /** Follows references; a schema is known with the file in which it stands. */
  resolve(file, node) {
    let at = { file, node, name: undefined };
    for (let steps = 0; at.node && at.node.$ref && steps < 32; steps += 1) {
      const [where, pointer] = at.node.$ref.split("#");
      const target = where ? path.resolve(path.dirname(at.file), where) : at.file;
      let found = this.read(target);
      for (const part of pointer.split("/").slice(1)) {
        found = found?.[part.replaceAll("~1", "/").replaceAll("~0", "~")];
      }
      at = { file: target, node: found, name: pointer.split("/").at(-1) };
    }
    return at;
  }

  /** The operation object, with the parameters of its path. */
  definition(operation) {
    const file = path.join(this.root, operation.file);
    const spec = this.read(file);
    const paths = { ...spec.paths, ...spec["x-ms-paths"] };
    const item = paths[operation.path];
    const verb = VERBS.find((word) => word === operation.method.toLowerCase());
    const node = item[verb];
    const parameters = [...(item.parameters ?? []), ...(node.parameters ?? [])];
    return { file, node, parameters: parameters.map((each) => this.resolve(file, each)) };
  }

  /** Tells what is wrong with a request's body and query. */
  request(operation, body, query) {
    const found = [];
    const { parameters } = this.definition(operation);
    for (const { file, node } of parameters) {
      if (node.in === "body" && body !== undefined) this.walk(file, node.schema, body, "$", found);
      if (node.in === "query" && query[node.name] !== undefined) {
        this.walk(file, node, query[node.name], `?${node.name}`, found);
      }
    }
    const takesBody = parameters.some(({ node }) => node.in === "body");
    if (body !== undefined && !takesBody) found.push("a body where the operation takes none");
    const known = parameters.filter(({ node }) => node.in === "query").map(({ node }) => node.name.toLowerCase());
    for (const name of Object.keys(query)) {
      if (name !== "api-version" && !known.includes(name.toLowerCase())) found.push(`?${name}: the operation knows no such query`);
    }
    return found;
  }

  /** Tells what is wrong with an answer's body. */
  response(operation, status, body) {
    const found = [];
    const { file, node } = this.definition(operation);
    const declared = node.responses[status];
    if (!declared && Number(status) < 400) return [`${status} is not declared`];
    // Providers refuse in ways that their specification does not list; how they say it is ARM's.
    if (!declared && !node.responses.default) return errorOf(body);
    const at = this.resolve(file, declared ?? node.responses.default);
    if (at.node?.schema && body !== undefined) this.walk(at.file, at.node.schema, body, "$", found);
    if (at.node && !at.node.schema && declared && body !== undefined && body !== null && Number(status) !== 202) {
      found.push(`a body where ${status} has none`);
    }
    return found;
  }

  walk(file, schema, value, place, found, depth = 0) {
    if (value === null || value === undefined || depth > 40) return;
    const { checked, fields, open } = this.flatten(file, schema, value, depth);
    for (const { node } of checked) {
      if (!node.enum || typeof value === "object") continue;
      if (node.enum.includes(value)) continue;
      const name = node["x-ms-enum"]?.name;
      if (this.newest.get(name?.toLowerCase())?.has(String(value))) continue;
      found.push(`${place}: \`${value}\` is none of ${name ?? "the words"}: ${node.enum.slice(0, 12).join(", ")}`);
    }
    if (Array.isArray(value)) {
      for (const { file: home, node } of checked) {
        if (!node.items) continue;
        value.forEach((each, at) => this.walk(home, node.items, each, `${place}[${at}]`, found, depth + 1));
      }
      return;
    }
    if (typeof value !== "object") return;
    for (const [name, inner] of Object.entries(value)) {
      const field = fields.get(name);
      if (field) this.walk(field.file, field.node, inner, `${place}.${name}`, found, depth + 1);
      else if (open) {
        if (open.node) this.walk(open.file, open.node, inner, `${place}.${name}`, found, depth + 1);
      }
    }
  }

  /** A schema with everything that it is made of: parents, and the child that a discriminator names. */
  flatten(file, schema, value, depth) {
    const result = { checked: [], fields: new Map(), open: undefined };
    const add = (from, node, seen) => {
      const at = this.resolve(from, node);
      if (!at.node || seen.has(at.node)) return;
      seen.add(at.node);
      result.checked.push(at);
      for (const [name, property] of Object.entries(at.node.properties ?? {})) {
        result.fields.set(name, { file: at.file, node: property });
      }
      if (at.node.additionalProperties) {
        const node = typeof at.node.additionalProperties === "object" ? at.node.additionalProperties : undefined;
        result.open = { file: at.file, node };
      }
      for (const parent of at.node.allOf ?? []) add(at.file, parent, seen);
      const discriminator = at.node.discriminator;
      const word = discriminator && value?.[discriminator];
      if (word && at.name) {
        const child = this.child(at.file, at.name, word);
        if (child) add(at.file, child, seen);
      }
    };
    add(file, schema, new Set());
    const free = result.checked.every(({ node }) => !node.properties && !node.allOf && !node.additionalProperties);
    if (free && result.fields.size === 0) result.open ??= {};
    return result;
  }

  child(file, parent, word) {
    const key = `${file}#${parent}#${word}`.toLowerCase();
    if (!this.children.has(key)) {
      const definitions = this.read(file).definitions ?? {};
      const under = (node, seen = 0) => seen < 8 && (node.allOf ?? []).some((each) => {
        const name = each.$ref?.split("/").at(-1);
        return name === parent || (definitions[name] && under(definitions[name], seen + 1));
      });
      const found = Object.entries(definitions).find(([name, node]) => {
        const said = node["x-ms-discriminator-value"] ?? name;
        return said.toLowerCase() === String(word).toLowerCase() && under(node);
      });
      this.children.set(key, found?.[1]);
    }
    return this.children.get(key);
  }
}

/** Tells whether a body is an error as ARM writes them, or as AKS does: without the wrapper. */
function errorOf(body) {
  const error = body?.error ?? body;
  const fine = typeof error?.code === "string" && typeof error?.message === "string";
  return fine ? [] : ["an error without code and message"];
}

/** Words that a newer version of the service has added, by enumeration. */
function newestWords(file) {
  const words = new Map();
  const { packages } = JSON.parse(fs.readFileSync(file, "utf8"));
  for (const enumerations of Object.values(packages)) {
    for (const [name, values] of Object.entries(enumerations)) {
      const known = words.get(name.toLowerCase()) ?? new Set();
      values.forEach((value) => known.add(String(value)));
      words.set(name.toLowerCase(), known);
    }
  }
  return words;
}
