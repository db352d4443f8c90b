// fhir-kit-client as a peer: `node peer.mjs CONFIG.json`, as `fhirpy_peer.py`.
import fs from 'node:fs'
import { Client } from 'fhir-kit-client'

const config = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'))
const client = new Client({ baseUrl: config.base, bearerToken: config.token })
const found = {}
const resourceType = 'SupplyRequest'
const wanted = (value) => ({
  ...config.request, identifier: [{ system: 'urn:kit', value: `${config.tag}-${value}` }]
})
const codeOf = async (promise) => {
  try {
    await promise
  } catch (error) {
    return error.response.data.issue.map((issue) => issue.code)
  }
}
const statement = await client.capabilityStatement()
found.version = statement.fhirVersion
found.token_url = (await client.smartAuthMetadata()).tokenUrl?.href

const made = await client.create({ resourceType, body: wanted(1) })
found.created = { id: made.id, version: made.meta.versionId }
const again = await client.read({ resourceType, id: made.id })
found.read = structuredClone(again)
again.quantity.value = 3
const match = { headers: { 'If-Match': 'W/"1"' } }
found.updated = (await client.update({ resourceType, id: made.id, body: again, options: match })).meta.versionId
found.stale = (await codeOf(client.update({ resourceType, id: made.id, body: again, options: match })))?.[0]
found.patched = (await client.patch({
  resourceType, id: made.id, jsonPatch: [{ op: 'replace', path: '/status', value: 'cancelled' }]
})).status
found.first = (await client.vread({ resourceType, id: made.id, version: '1' })).quantity.value
found.versions = (await client.history({ resourceType, id: made.id })).entry.length

for (const number of [2, 3, 4, 5]) await client.create({ resourceType, body: wanted(number) })
const mine = []
let bundle = await client.search({ resourceType, searchParams: { identifier: 'urn:kit|', _count: 2 } })
while (bundle) {
  mine.push(...bundle.entry.map((entry) => entry.resource))
  bundle = await client.nextPage({ bundle })
}
found.searched = mine.filter((one) => one.identifier[0].value.startsWith(config.tag)).map((one) => one.id)
const posted = await client.search({
  resourceType, searchParams: { identifier: `urn:kit|${config.tag}-2` }, options: { postSearch: true }
})
found.posted = posted.total

const condition = { headers: { 'If-None-Exist': `identifier=urn:kit|${config.tag}-c` } }
found.conditional = []
for (const _ of [1, 2]) {
  found.conditional.push((await client.create({ resourceType, body: wanted('c'), options: condition })).id)
}
const done = await client.transaction({ body: { resourceType: 'Bundle', type: 'transaction', entry: config.entries } })
found.transaction = done.entry.map((entry) => entry.response.status)
const charge = done.entry[1].response.location.split('/_history')[0].split('/').pop()
found.linked = await client.read({ resourceType: 'ChargeItem', id: charge })

found.refused = await codeOf(client.create({ resourceType, body: { resourceType, status: 'wibble' } }))
found.unknown = (await codeOf(client.read({ resourceType, id: 'none' })))?.[0]
fs.writeFileSync(config.out, JSON.stringify(found))
