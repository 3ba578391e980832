import erbp_jax


def test_every_public_name_is_there_and_documented():
    for name in erbp_jax.__all__:
        assert getattr(erbp_jax, name).__doc__, name
    assert dir(erbp_jax) == sorted(erbp_jax.__all__)
