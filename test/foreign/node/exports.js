// Reads exports as their targets do, with the libraries that they use. A step is a reader; it is told {"text"}.
"use strict";
const vm = require("vm");
const { drive, load: use } = require("./drive");

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

drive(Object.fromEntries(Object.entries(readers).map(([name, read]) => [name, async ({ text }) => ({ read: await read(text) })])));
