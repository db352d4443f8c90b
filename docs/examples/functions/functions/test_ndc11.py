from ndc11 import ndc11


def test_the_short_group_gets_a_zero():
    assert ndc11("0123-4567-89") == "00123456789"
    assert ndc11("01234-567-89") == "01234056789"
    assert ndc11("01234-5678-9") == "01234567809"


def test_eleven_digits_stay_with_or_without_hyphens():
    assert ndc11("01234-5678-90") == "01234567890"
    assert ndc11("01234567890") == "01234567890"


def test_what_could_be_several_drugs_is_refused():
    for code in ("0123456789", "0123-456-789", "123456", "0123-4567-8X", ""):
        assert refuses(code), code


def refuses(code):
    try:
        ndc11(code)
    except ValueError:
        return True
    return False
