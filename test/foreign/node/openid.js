const { drive, load } = require('./drive');
const { createPrivateKey } = require('node:crypto');

let client, config, checks, tokens;

async function privateKey(pem) {
  const der = createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' });
  return crypto.subtle.importKey('pkcs8', der, { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, false, ['sign']);
}

drive({
  discover: async ({ issuer, clientId, secret, key }) => {
    client = await import(load.resolve('openid-client'));
    const auth = key ? client.PrivateKeyJwt(await privateKey(key)) : secret ? client.ClientSecretBasic(secret) : client.None();
    config = await client.discovery(new URL(issuer), clientId, undefined, auth);
  },
  register: async ({ issuer, redirectUri, initialAccessToken }) => {
    const metadata = { client_name: 'Registered', redirect_uris: [redirectUri], response_types: ['code'], grant_types: ['authorization_code', 'refresh_token'] };
    config = await client.dynamicClientRegistration(new URL(issuer), metadata, undefined, { initialAccessToken });
  },
  begin: async ({ redirectUri }) => {
    checks = { pkceCodeVerifier: client.randomPKCECodeVerifier(), expectedState: client.randomState(), expectedNonce: client.randomNonce() };
    return {
      authorizeUrl: client.buildAuthorizationUrl(config, {
        redirect_uri: redirectUri, scope: 'openid api refresh_token', state: checks.expectedState, nonce: checks.expectedNonce,
        code_challenge: await client.calculatePKCECodeChallenge(checks.pkceCodeVerifier), code_challenge_method: 'S256',
      }).href,
    };
  },
  exchange: async ({ callback }) => {
    tokens = await client.authorizationCodeGrant(config, new URL(callback), checks);
    return { accessToken: tokens.access_token, subject: tokens.claims().sub };
  },
  refresh: async () => {
    const fresh = await client.refreshTokenGrant(config, tokens.refresh_token);
    tokens = { refresh_token: tokens.refresh_token, ...fresh };
    return { accessToken: tokens.access_token };
  },
  userinfo: ({ subject }) => client.fetchUserInfo(config, tokens.access_token, subject),
  introspect: () => client.tokenIntrospection(config, tokens.access_token),
  revoke: () => client.tokenRevocation(config, tokens.refresh_token),
  clientCredentials: async () => ({ accessToken: (await client.clientCredentialsGrant(config)).access_token }),
  grant: async ({ grantType, ...parameters }) => {
    tokens = await client.genericGrantRequest(config, grantType, parameters);
    return { accessToken: tokens.access_token };
  },
});
