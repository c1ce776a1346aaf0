const { drive, load } = require('./drive');
const simple = load('simple-oauth2');

let grant, token;
const told = () => ({ accessToken: token.token.access_token, refreshToken: token.token.refresh_token, expired: token.expired() });

drive({
  begin: ({ kind, url, client, authorizationMethod, redirectUri }) => {
    const paths = { tokenPath: url + '/services/oauth2/token', revokePath: url + '/services/oauth2/revoke', tokenHost: url };
    if (kind === 'AuthorizationCode') {
      paths.authorizePath = '/services/oauth2/authorize';
    }
    grant = new simple[kind]({ client, auth: paths, options: { authorizationMethod } });
    return kind === 'AuthorizationCode'
      ? { authorizeUrl: grant.authorizeURL({ redirect_uri: redirectUri, scope: ['api', 'refresh_token'], state: 'a state' }) }
      : {};
  },
  get: async (params) => { token = await grant.getToken(params); return told(); },
  refresh: async () => { token = await token.refresh(); return told(); },
  revoke: async ({ type }) => { await token.revoke(type, { json: true }); }, // strict JSON, its default, refuses an empty answer
});
