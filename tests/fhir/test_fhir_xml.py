"""XML in and out: the same resource as in JSON, and an attack set that reads, fetches and costs nothing."""

from __future__ import annotations

import contextlib
import json
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from patience import costing_less_than

from engine.errors import Unacceptable
from engine.fhir.issues import Rejected
from engine.fhir.json_text import load
from engine.fhir.reading import read
from engine.fhir.validation import check
from engine.fhir.xml import from_xml, to_xml
from engine.fhir.xml_parser import narrative
from tests.fhir.fhir_corpus import files, needs_corpus, resources

NS = "http://hl7.org/fhir"
DIV = '<div xmlns="http://www.w3.org/1999/xhtml"><p title="a">x &amp; y</p></div>'
FULL: dict[str, Any] = {
    "resourceType": "SupplyRequest",
    "id": "a-1",
    "language": "en",
    "text": {"status": "generated", "div": DIV},
    "contained": [{"resourceType": "Patient", "id": "p", "active": True, "name": [{"given": ["A", "B"]}]}],
    "extension": [{"url": "http://example.org/x", "valueDecimal": 1.5}],
    "identifier": [{"id": "i", "system": "urn:o", "value": 'A"1<\n\t>'}, {"value": "Ünï ☃ 🏥"}],
    "status": "active",
    "_status": {"id": "s", "extension": [{"url": "http://example.org/y", "valueBoolean": False}]},
    "itemCodeableConcept": {"coding": [{"system": "urn:i", "code": "G100", "userSelected": True}]},
    "quantity": {"value": 2},
    "deliverTo": {"reference": "#p"},
}


def _same(one: Any, other: Any) -> bool:
    """Equal but for how a narrative is written."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(
            _narrative(one[name]) == _narrative(other[name])
            if name == "div"
            else _same(one[name], other[name])
            for name in one
        )
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and str(one) == str(other)


def _narrative(text: str) -> str:
    return etree.tostring(narrative(text), method="c14n", exclusive=True).decode()


def test_there_and_back() -> None:
    resource = load(json.dumps(FULL).replace('"value": 2', '"value": 1.10').encode())
    made = to_xml(resource, "R4")
    assert b'<value value="1.10"/>' in made
    assert _same(from_xml(made, "R4"), resource)
    assert not check(from_xml(made, "R4"), "R4")


def test_how_it_is_written() -> None:
    resource = {
        "resourceType": "Patient",
        "id": "1",
        "active": True,
        "name": [{"_given": [None, {"id": "x"}], "given": ["A", None]}],
    }
    assert to_xml(resource, "R4").partition(b"?>\n")[2].decode() == (
        f'<Patient xmlns="{NS}"><id value="1"/><active value="true"/>'
        '<name><given value="A"/><given id="x"/></name></Patient>'
    )
    assert from_xml(to_xml(resource, "R4"), "R4") == resource


def test_elements_come_in_the_order_of_the_standard() -> None:
    turned = dict(reversed(FULL.items()))
    assert to_xml(turned, "R4") == to_xml(FULL, "R4")


def test_what_is_said_of_schemas_and_in_comments_is_passed_over() -> None:
    body = f"""<?xml version="1.0" encoding="UTF-8"?>
    <!-- one --><Patient xmlns="{NS}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
      xsi:schemaLocation="http://hl7.org/fhir ../patient.xsd">
      <!-- two --> <active value="true"/>
    </Patient>"""
    assert from_xml(body.encode(), "R4") == {"resourceType": "Patient", "active": True}


def test_any_prefix_will_do() -> None:
    body = f'<f:Patient xmlns:f="{NS}"><f:active value="false"/></f:Patient>'
    assert from_xml(body.encode(), "R4") == {"resourceType": "Patient", "active": False}


def test_a_bundle() -> None:
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": FULL}, {"resource": FULL}],
    }
    assert _same(from_xml(to_xml(bundle, "R4"), "R4"), load(json.dumps(bundle).encode()))


@pytest.mark.parametrize(
    "div",
    [
        "<div>no namespace</div>",
        "<div>a&nbsp;b&eacute;</div>",
        "<div>not <b>well formed</div>",
        "no element",
        "<p>other</p>",
    ],
)
def test_a_narrative_of_json_always_becomes_xml(div: str) -> None:
    resource = {"resourceType": "Patient", "text": {"status": "generated", "div": div}}
    again = from_xml(to_xml(resource, "R4"), "R4")
    assert _narrative(again["text"]["div"]).startswith('<div xmlns="http://www.w3.org/1999/xhtml">')


@pytest.mark.parametrize("name", ["lt", "LT", "#60", "#x3c"])
def test_text_of_a_narrative_never_becomes_markup(name: str) -> None:
    div = f'<div xmlns="http://www.w3.org/1999/xhtml">&{name};script>x&{name};/script></div>'
    made = to_xml({"resourceType": "Patient", "text": {"status": "generated", "div": div}}, "R4")
    assert b"<script" not in made


def _patient(inner: str, around: str = "") -> bytes:
    return f'{around}<Patient xmlns="{NS}">{inner}</Patient>'.encode()


def _laugh(number: int) -> str:
    return f"&l{number - 1};"


DTD = '<!DOCTYPE Patient [<!ENTITY e SYSTEM "file://CANARY">]>'
LAUGHS = "".join(f"<!ENTITY l{n} '{10 * _laugh(n)}'>" for n in range(1, 10))
ATTACKS: dict[str, bytes] = {
    "doctype": _patient("", "<!DOCTYPE Patient>"),
    "doctype in small letters": _patient("", "<!doctype Patient>"),
    "doctype after blanks": _patient("", "\n\n <!DOCTYPE Patient>"),
    "doctype after a comment": _patient("", "<!-- x --><!DOCTYPE Patient>"),
    "external entity, file": _patient('<language value="&e;"/>', DTD),
    "external entity, file, in text": _patient("&e;", DTD),
    "external entity, http": _patient("&e;", DTD.replace("file://CANARY", "http://SERVER/x")),
    "external entity, ftp": _patient("&e;", DTD.replace("file://CANARY", "ftp://SERVER/x")),
    "external entity, expect": _patient("&e;", DTD.replace("file://CANARY", "expect://id")),
    "external entity, public": _patient(
        "&e;", '<!DOCTYPE Patient [<!ENTITY e PUBLIC "a" "http://SERVER/x">]>'
    ),
    "parameter entity": _patient("", '<!DOCTYPE Patient [<!ENTITY % p SYSTEM "http://SERVER/x.dtd"> %p;]>'),
    "external subset": _patient("", '<!DOCTYPE Patient SYSTEM "http://SERVER/x.dtd">'),
    "external subset, public": _patient(
        "", '<!DOCTYPE Patient PUBLIC "-//W3C//DTD XHTML" "http://SERVER/x.dtd">'
    ),
    "local external subset": _patient("", '<!DOCTYPE Patient SYSTEM "file://CANARY">'),
    "internal entity": _patient('<language value="&e;"/>', '<!DOCTYPE Patient [<!ENTITY e "de">]>'),
    "billion laughs": _patient("&l9;", f'<!DOCTYPE Patient [<!ENTITY l0 "ha">{LAUGHS}]>'),
    "quadratic": _patient("&a;" * 10_000, "<!DOCTYPE Patient [<!ENTITY a '" + "x" * 50_000 + "'>]>"),
    "entity that is itself": _patient("&a;", '<!DOCTYPE Patient [<!ENTITY a "&a;">]>'),
    "attribute default": _patient("", '<!DOCTYPE Patient [<!ATTLIST Patient id CDATA "x">]>'),
    "undeclared entity": _patient('<language value="&nbsp;"/>'),
    "processing instruction": _patient('<?xml-stylesheet href="http://SERVER/x.xsl"?>'),
    "processing instruction before": _patient("", '<?xml-stylesheet href="http://SERVER/x.xsl"?>'),
    "processing instruction, php": _patient("<?php phpinfo(); ?>"),
    "second declaration": _patient("", '<?xml version="1.0"?><?xml version="1.0"?>'),
    "CDATA": _patient("<![CDATA[<active value='true'/>]]>"),
    "CDATA in a narrative": _patient(
        f'<text><status value="generated"/>{DIV.replace("x &amp; y", "<![CDATA[x]]>")}</text>'
    ),
    "XInclude": _patient(
        '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file://CANARY" parse="text"/>'
    ),
    "XInclude in a narrative's place": _patient(
        '<text><xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="CANARY"/></text>'
    ),
    "no namespace": b"<Patient/>",
    "wrong namespace": b'<Patient xmlns="http://example.org"/>',
    "wrong namespace within": _patient('<active xmlns="http://example.org" value="true"/>'),
    "narrative in the wrong namespace": _patient('<text><status value="generated"/><div>x</div></text>'),
    "attribute of another namespace": _patient('<active xmlns:x="urn:x" x:value="true"/>'),
    "unbound prefix": _patient('<x:active value="true"/>'),
    "unknown attribute": _patient('<active value="true" style="x"/>'),
    "attribute of a resource": f'<Patient xmlns="{NS}" id="x"/>'.encode(),
    "attribute twice": _patient('<active value="true" value="false"/>'),
    "80,000 attributes": _patient("<active " + " ".join(f"a{n}='1'" for n in range(80_000)) + "/>"),
    "50,000 namespaces": _patient("<active " + " ".join(f"xmlns:a{n}='u'" for n in range(50_000)) + "/>"),
    "deep": _patient('<extension url="a">' * 100_000 + "</extension>" * 100_000),
    "deep in one way": _patient('<extension url="a">' * 100_000),
    "deep, but not too deep for libxml": _patient('<extension url="a">' * 200 + "</extension>" * 200),
    "deep narrative": _patient(
        f"<text><div xmlns='http://www.w3.org/1999/xhtml'>{'<b>' * 5_000}{'</b>' * 5_000}</div></text>"
    ),
    "text between elements": _patient("Jane Doe<active value='true'/>"),
    "text in an element": _patient("<active>true</active>"),
    "nothing in an element": _patient("<active/>"),
    "repeated": _patient('<active value="true"/><active value="true"/>'),
    "unknown element": _patient('<resourceType value="Device"/>'),
    "name of JSON's": _patient('<_active id="x"/>'),
    "resource in no place": _patient("<contained/>"),
    "two resources in one place": _patient("<contained><Patient/><Patient/></contained>"),
    "unclosed": f'<Patient xmlns="{NS}">'.encode(),
    "two roots": _patient("") * 2,
    "nothing": b"",
    "no XML": b'{"resourceType": "Patient"}',
    "NUL": _patient('<language value="&#0;"/>'),
    "control character": _patient('<language value="\x01"/>'),
    "surrogate by number": _patient('<language value="&#xD800;"/>'),
    "UTF-7 declared": _patient("", '<?xml version="1.0" encoding="UTF-7"?>'),
    "UTF-7 doctype": b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE x+AD4-',
    "Latin-1 declared": _patient("", '<?xml version="1.0" encoding="ISO-8859-1"?>'),
    "UTF-16 with a mark": _patient("").decode().encode("utf-16"),
    "UTF-16LE": _patient("").decode().encode("utf-16-le"),
    "UTF-16BE": _patient("").decode().encode("utf-16-be"),
    "UTF-32": _patient("").decode().encode("utf-32"),
    "UTF-16LE doctype": _patient("&e;", DTD).decode().encode("utf-16-le"),
    "UTF-8 with a mark": b"\xef\xbb\xbf" + _patient(""),
    "Latin-1 bytes": _patient('<language value="\xfc"/>').decode().encode("latin-1"),
    "EBCDIC": _patient("").decode().encode("cp037"),
    "a number beyond use": _patient('<extension url="a"><valueDecimal value="2e400"/></extension>'),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A file that must not be read, and a server that must not be called."""
    canary: Path = tmp_path_factory.mktemp("canary") / "canary.txt"
    canary.write_text("CONTENT-OF-THE-CANARY")
    with pytest.raises(Rejected):
        read(_patient("<wibble/>"), "xml", "R4")  # the models are loaded
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        yield canary, server


@pytest.mark.parametrize("body", ATTACKS.values(), ids=ATTACKS)
def test_f29_t04_attacks(body: bytes, world: tuple[Path, socket.socket]) -> None:
    """Refused in less than 100 ms; nothing read, nothing fetched, nothing repeated."""
    canary, server = world
    host = f"127.0.0.1:{server.getsockname()[1]}"
    body = body.replace(b"CANARY", str(canary).encode()).replace(b"SERVER", host.encode())
    with costing_less_than(0.1), pytest.raises(Rejected) as refused:
        read(body, "xml", "R4")
    assert refused.value.status == 400
    said = str(refused.value.issues)
    assert "CONTENT" not in said
    assert "Jane" not in said
    with pytest.raises(BlockingIOError):
        server.accept()


def test_an_unknown_type_is_not_fhir_of_this_release() -> None:
    with pytest.raises(Rejected) as refused:
        from_xml(f'<Wibble xmlns="{NS}"/>'.encode(), "R4")
    assert (refused.value.status, refused.value.issues[0].code) == (422, "not-supported")


def test_where_it_is_wrong_is_told() -> None:
    for inner, place in (
        ('<contact><name><family value="x"/><wibble/></name></contact>', "Patient.contact[0].name"),
        ('<name/><name><period value="1"/></name>', "Patient.name[1].period"),
        ('<active value="true"/><active value="true"/>', "Patient.active"),
    ):
        with pytest.raises(Rejected) as refused:
            from_xml(_patient(inner), "R4")
        assert refused.value.issues[0].expression == place


@pytest.mark.parametrize("value", ["tru", "1", "TRUE", ""])
def test_wrong_values_are_told_when_checked(value: str) -> None:
    found = check(from_xml(_patient(f'<active value="{value}"/>'), "R4"), "R4")
    assert [issue.expression for issue in found] == ["Patient.active"]


@pytest.mark.corpus
@needs_corpus
def test_samples_in_json_come_back_from_xml() -> None:
    count = 0
    for name, body in files(".json", b'"resourceType"'):
        if len(body) > 15_000:
            continue
        try:
            value = load(body)
        except Unacceptable:  # what is no JSON is another test's matter
            continue
        if any(check(part, "R4") for part in resources(value)) or "resourceType" not in value:
            continue
        assert _same(from_xml(to_xml(value, "R4"), "R4"), value), name
        count += 1
    assert count > 400


@pytest.mark.corpus
@needs_corpus
def test_samples_in_xml_come_back() -> None:
    count = 0
    for name, body in files(".xml", b"http://hl7.org/fhir"):
        try:
            value = from_xml(body, "R4")
        except Rejected:
            continue
        if not any(check(part, "R4") for part in resources(value)):
            assert _same(from_xml(to_xml(value, "R4"), "R4"), value), name
            count += 1
    assert count > 100


@given(st.binary(max_size=80) | st.text("<>/&;![]?-=\"' aPx", max_size=60).map(str.encode))
def test_never_anything_but_a_resource_or_a_refusal(body: bytes) -> None:
    for candidate in (body, b'<Patient xmlns="http://hl7.org/fhir">' + body + b"</Patient>"):
        with contextlib.suppress(Rejected):
            assert from_xml(candidate, "R4")["resourceType"]
