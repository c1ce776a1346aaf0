// Reads exports as their targets do, with the libraries that they use. Each line on stdin is {"reader", "text"}; each line on
// stdout is what was read.
"use strict";
const path = require("path");
const readline = require("readline");
const vm = require("vm");

const modules = process.argv[2];
const use = (name) => require(path.join(modules, name));

const readers = {
  dotenv: (text) => use("dotenv").parse(text),
  yaml: (text) => use("yaml").parse(text),
  properties: (text) => use("dot-properties").parse(text),
  hcl: (text) => use("@cdktf/hcl2json").parse("main.tf", text),
  connection: (text) => Object.fromEntries([...use("@tediousjs/connection-string").parse(text)].map(([k, v]) => [k, String(v.value ?? v)])),
  har: async (text) => {
    const archive = JSON.parse(text);
    await use("har-validator").har(archive); // throws what is wrong
    return { entries: archive.log.entries.length };
  },
  sfdx: (text) => use("@salesforce/core").AuthInfo.parseSfdxAuthUrl(text),
  jsforce: async (text) => {
    const jsforce = use("jsforce");
    const sandbox = { jsforce };
    vm.runInNewContext(text.replace(/^const conn/, "conn"), sandbox);
    const { conn } = sandbox;
    let refreshed = "";
    conn.on("refresh", (token) => { refreshed = token; });
    const read = { accessToken: conn.accessToken, refreshToken: conn.refreshToken, instanceUrl: conn.instanceUrl };
    Object.assign(read, { clientId: conn.oauth2.clientId, clientSecret: conn.oauth2.clientSecret, loginUrl: conn.oauth2.loginUrl, redirectUri: conn.oauth2.redirectUri });
    if (!read.loginUrl.startsWith("http://127.") && !read.loginUrl.startsWith("http://localhost")) return read;
    await conn.query("SELECT Name FROM Organization"); // refreshes an access token that has expired
    read.username = (await conn.identity()).username;
    return { ...read, refreshed };
  },
};

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { reader, text } = JSON.parse(line);
    let answer;
    try {
      answer = { read: await readers[reader](text) };
    } catch (error) {
      answer = { error: String(error && error.stack) };
    }
    process.stdout.write(JSON.stringify(answer) + "\n");
  }
})();
