"""What `make test` leaves to `make thorough`: further members of products, kills and long trainings.

By file, by test. Names of parameters as pytest prints them; `ALL` is the whole test. CI runs both. Every kind of part
stays in `make test` at least once.
"""

ALL = None
THOROUGH: dict[str, dict[str, tuple[str, ...] | None]] = {
    "config/test_outside.py": {
        "test_connections_of_the_library_can_be_named": (
            "perbp-{kind: dense, outputs: 12}",
            "perbp-{kind: sparse, outputs: 12, fan_in: 5}",
            "perbp-{kind: delayed, outputs: 12, delays: [1, 3]}",
        ),
    },
    "connections/test_conv.py": {
        "test_a_convolution_equals_the_loop_over_its_synapses": (
            "more columns than a tile",
            "windows that miss inputs",
            "one to one",
            "valid, stride 2",
        ),
    },
    "connections/test_graded_networks.py": {
        "test_simulated_networks_get_the_currents_of_the_input_asked_for": ("blank_out-2.0",),
    },
    "connections/test_transmission.py": {"test_events_sum_what_products_sum": ("0.0",)},
    "evaluation/test_synops.py": {
        "test_the_cost_of_learning_is_counted_for_any_batch": ("False-1", "False-0", "False-2"),
        "test_a_run_is_counted_as_a_loop_over_synapses_does_for_any_batch": (
            "0.5",
            "1.0",
        ),
    },
    "experiments/test_boltzmann.py": {
        "test_a_machine_learns_two_patterns_and_recalls_their_labels": (
            "synapses",
            "neurons",
        )
    },
    "experiments/test_nsat_erbp.py": {"test_a_run_that_is_repeated_or_killed_late_ends_alike": ALL},
    "experiments/test_nsat_examples.py": {
        "test_replicas_are_independent_and_repeatable": ALL,
        "test_weights_move_when_there_is_reward": ALL,
    },
    "experiments/test_reward_and_curves.py": {
        "test_a_bandit_is_learned_from_reward": ALL,
        "test_outputs_follow_curves_they_have_never_seen": ALL,
    },
    "learning/test_backprop.py": {
        "test_a_neuron_of_the_talk_and_its_differentiable_form_spike_alike": ALL,
        "test_checkpointed_segments_change_nothing_but_memory": ("1", "3", "6"),
        "test_layerwise_feedback_of_the_transposes_is_back_propagation": ("sizes1-rate", "sizes0-spiking"),
        "test_the_gradient_equals_one_written_by_hand": ("0.0-fast_sigmoid", "2.0-boxcar", "2.0-triangular"),
    },
    "learning/test_conv_rules.py": {
        "test_a_rule_moves_a_kernel_as_it_moves_tied_dense_weights": (
            "bp, blank-out",
            "erbp, errors of their own in one layer",
            "erbp",
            "erbp, errors of their own",
            "perbp",
            "bp",
            "rbp, direct",
            "rbp, layerwise",
            "bp, rate",
            "rbp, layerwise, rate",
        ),
    },
    "learning/test_erbp.py": {
        "test_erbp_equals_the_oracle_at_any_depth": ("1-sizes1", "2-sizes0", "2-sizes2", "4-sizes0", "4-sizes1"),
        "test_local_errors_equal_the_oracle": ("1-readouts0", "1-readouts2", "4-readouts0", "4-readouts1"),
        "test_per_gain_is_a_wider_gate_and_a_smaller_rate": ("0.5",),
    },
    "learning/test_learned_readout.py": {
        "test_learning_from_given_spikes_steps_the_readout_too": ("1",),
        "test_learning_equals_the_oracle": (
            "local1-4",
            "local0-1",
        ),
    },
    "learning/test_local_errors.py": {
        "test_a_readout_that_learns_comes_to_tell_the_digits": ALL,
        "test_a_fixed_random_readout_comes_to_tell_the_digits": ALL,
    },
    "learning/test_pitfalls.py": {
        "test_perbp_learns_digits": ALL,
        "test_without_the_gate_learning_is_clearly_worse": ALL,
        "test_momentum_and_adam_are_one_config_key_away": ALL,
    },
    "learning/tricks/test_in_training.py": {"test_a_feedback_of_the_wrong_size_learns_all_the_same": ALL},
    "neurons/test_adaptive.py": {"test_from_a_config_hidden_units_come_down_to_their_rate_and_learn": ALL},
    "nir/test_commands.py": {"test_a_run_of_the_kept_recipe_there_and_back": ALL},
    "nsat/test_compile.py": {
        "test_a_program_has_the_averaged_weights_that_tests_use": ALL,
        "test_rates_agree_where_leaks_do": (
            "1-subtract-0-exact, without a membrane of its own",
            "1-subtract-0-Euler, without a membrane of its own",
            "0.65-value-3-exact",
            "0.65-value-3-Euler",
            "0.1-value-0-exact, without a membrane of its own",
            "0.1-value-0-Euler, without a membrane of its own",
        ),
    },
    "nsat/test_fixtures.py": {
        "test_a_wrong_integer_is_found_where_it_is": ALL,
        "test_states_spikes_and_weights": ("ordered",),
        "test_states_spikes_and_weights_of_many_side_by_side": ALL,
        "test_from_the_seed_alone": ("43",),
    },
    "nsat/test_machine.py": {
        "test_chunks_are_the_whole_run": ("{'stdp': True}",),
        "test_blocks_are_the_padded_table": ("{'stdp': True}",),
        "test_an_event_that_is_listed_twice_counts_twice": ("{'stdp': False}",),
        "test_replicas_with_weights_of_their_own_are_separate_runs": ("options1-False", "options2-True"),
    },
    "nsat/test_nsat_cli.py": {"test_seeds_and_modes_of_a_stochastic_program": ALL},
    "nsat/test_random_programs.py": {
        "test_they_run_as_in_the_oracle": (
            "stochastic-documented",
            "deterministic-documented",
            "free-reference",
            "shared-reference",
        ),
    },
    "test_notebooks.py": {
        "test_a_notebook_runs": (
            "digits_row_by_row",
            "erbp_against_bp",
            "event_data",
            "first_network",
            "nsat_eight_bits",
            "own_rule",
        ),
    },
    "test_wheel.py": {"test_a_wheel_trains_in_another_folder": ALL},
    "test_cli.py": {"test_a_run_that_is_stopped_at_any_moment_ends_as_if_it_had_not_been": ALL},
    "test_doctests.py": {
        "test_examples_of_docstrings": (
            "erbp_jax.api.diagnose",
            "erbp_jax.api.fit",
            "erbp_jax.api.sweeping",
        ),
    },
    "test_freeze.py": {
        "test_three_batches_are_those_of_the_frozen_revision": (
            "peRBP / dense / events",
            "eRBP, learned readouts / conv / events",
            "peRBP / conv / products",
            "eRBP / dense / events",
            "RBP spiking / dense / events",
            "eRBP, learned readouts / dense / products",
            "BP spiking / dense / products",
        ),
    },
    "test_invariances.py": {
        "test_inference": (
            "regular, lif, blank-out, recurrent",
            "poisson with dead time, lif, reliable, dense",
            "regular, lif, reliable, dense",
            "analog, lif, reliable, dense",
            "regular, leaky, reliable, dense",
            "regular, lif, subtractive reset, reliable, dense",
            "regular, lif, kicks, reliable, dense",
            "regular, second order, reliable, dense",
            "regular, lif, reliable, conv",
        ),
        "test_learning_in_stretches_equals_learning_at_once": (
            "blank-out-conv-erbp, local errors",
            "blank-out-conv-rbp, direct",
            "blank-out-conv-rbp, layerwise",
            "blank-out-conv-erbp, a readout that learns",
            "blank-out-recurrent-bp",
        ),
        "test_learning_on_four_devices_equals_learning_on_one": (
            "conv-bp, in segments",
            "conv-erbp, local errors",
            "conv-rbp, direct",
            "conv-rbp, layerwise",
            "recurrent-bp",
        ),
        "test_seeds_side_by_side_equal_seeds_alone": (
            "blank-out-conv-erbp, a readout that learns",
            "blank-out-conv-erbp, local errors",
            "blank-out-conv-rbp, direct",
            "blank-out-conv-rbp, layerwise",
            "blank-out-recurrent-erbp",
            "blank-out-recurrent-bp",
        ),
        "test_spikes_do_not_depend_on_the_length_of_a_block": (
            "recurrent-reliable",
            "dense-reliable",
            "dense-blank-out",
            "conv-reliable",
            "conv-blank-out",
        ),
        "test_the_update_of_a_block_is_the_sum_of_those_of_its_parts": (
            "dense-erbp, local errors",
            "dense-erbp, a readout that learns",
            "recurrent-erbp",
        ),
    },
    "test_lowering.py": {
        "test_training_lowers_for_cuda_and_tpu": (
            "dense-forward table",
            "recurrent-MSTDPET",
            "dense-STDP",
            "recurrent-BP",
            *(f"dense-{rule}" for rule in ("eRBP", "BP", "RBP", "learned readouts", "MSTDPET")),
            *(f"convolutional-{rule}" for rule in ("BP", "RBP", "STDP", "learned readouts")),
            *(f"sparse-{rule}" for rule in ("eRBP", "BP", "RBP", "STDP", "MSTDPET")),
            *(f"recurrent-{rule}" for rule in ("eRBP", "RBP", "learned readouts", "STDP")),
        ),
    },
    "test_nnx.py": {
        "test_a_network_runs_as_a_module": ALL,
        "test_an_nnx_loop_trains_as_the_functional_form": (
            "front end",
            "recurrent",
        ),
    },
    "test_recurrence.py": {
        "test_erbp_is_that_of_the_loop": (
            "skip",
            "lateral",
            "dendritic",
        ),
        "test_a_block_is_its_ticks": (
            "dendritic",
            "feedback",
        ),
        "test_eligibility_under_a_modulator_of_every_neuron": ("delayed",),
        "test_spikes_and_currents_are_those_of_the_loop": ("recurrent", "skip"),
        "test_stdp_is_that_of_the_loop": ("skip",),
    },
    "test_settings.py": {
        "test_the_programs_are_those_of_the_defaults": (
            "shifted, noise on the membrane",
            "rbp_spiking",
            "maps",
            "poisson with a dead time, readouts that learn",
            "plain",
            "local readouts, bits",
            "bp",
        ),
        "test_a_notebook_in_64_bits_runs_the_same_network": (
            "ExponentialEscape(dt=1.0, dead_time=3, beta=0.5, gamma=-0.215, base_rate=100.0, "
            "threshold=0.1, slope=0.05)",
            "Analog(max_rate=0.5)",
        ),
    },
    "training/test_devices.py": {
        "test_four_devices_compute_what_one_computes": (
            "{'mesh': {'neurons': 2, 'batch': 2}}",
            "{'mesh': {'seeds': 2, 'batch': 2}}",
        ),
    },
    "training/test_sweep.py": {
        "test_every_cell_is_a_single_run": ("learned readouts", "BP"),
        "test_the_optimisers_of_a_config_at_a_rate": ("few bits", "adam"),
        "test_what_stands_behind_the_learning_rate_sees_steps_of_that_rate": ("max-norm", "bounds"),
    },
    "viz/test_pictures.py": {
        "test_learning_curves_lie_inside_their_axes": ("much alike", "one epoch", "one epoch, all wrong"),
        "test_rasters_of_any_size": ("1-1", "1-2", "20-1"),
    },
    "viz/test_run_pictures.py": {"test_odd_networks_are_drawn": ALL},
    "test_docs.py": {
        "test_the_code_of_a_page_runs": (
            "docs/coming_from/decolle.md",
            "docs/coming_from/first_edition.md",
            "docs/coming_from/snntorch.md",
            "docs/guides/choosing_a_rule.md",
            "docs/guides/continual.md",
            "docs/guides/devices_and_hosts.md",
            "docs/guides/events.md",
            "docs/guides/nir.md",
            "docs/guides/nnx.md",
            "docs/guides/nsat.md",
            "docs/guides/own_data.md",
            "docs/guides/own_neuron.md",
            "docs/guides/own_rule.md",
            "docs/guides/recurrent_and_delayed.md",
            "docs/guides/regression.md",
            "docs/guides/reward.md",
            "docs/guides/saving_and_runs.md",
            "docs/guides/silent_network.md",
            "docs/guides/sparse.md",
            "docs/guides/sweep.md",
            "docs/guides/training.md",
            "docs/guides/tricks.md",
        )
    },
    "training/test_processes.py": {"test_two_processes_compute_what_one_computes": ALL},
    "campaigns/test_campaigns.py": {
        "test_malformed_inputs_end_with_one_message": ALL,
        "test_a_killed_training_ends_as_the_undisturbed_one": ALL,
        "test_nothing_grows": ALL,
    },
    "nsat/test_erbp.py": {
        "test_one_more_bit_rounded_away_halves_what_is_learned": ALL,
        "test_it_learns_digits_within_eight_bits": ALL,
    },
    "training/test_pieces.py": {
        "test_seeds_have_orders_of_their_own_and_a_mean_of_weights": ALL,
        "test_a_divergence_is_located_in_its_piece": ALL,
    },
    "training/test_precision.py": {"test_a_config_learns_on_the_grid_in_any_stretches": ALL},
    "training/test_run_folder.py": {
        "test_an_interrupt_in_a_callback_comes_again_without_a_word": ALL,
        "test_states_that_go_on_can_be_saved_and_resumed": ("bp",),
    },
    "test_ones_own.py": {
        "test_any_optax_chain_on_any_rule": (
            "RBP",
            "STDP",
            "forward table",
        )
    },
    "connections/test_graded.py": {
        "test_a_dense_layer_takes_spikes_of_any_value": (
            "blank-out, by events",
            "certain, by events",
            "never",
        )
    },
    "neurons/test_contract.py": {
        "test_tiles_of_any_state_equal_the_whole": (
            "nested-1",
            "nested-23",
        )
    },
    "neurons/test_firing_patterns.py": {"test_counts_and_times_as_the_ticks_get_shorter": ALL},
    "connections/test_delayed.py": {
        "test_delays_equal_the_loop_over_ticks_and_synapses": (
            "dense, blank-out",
            "a user's",
            "dense",
            "sparse, blank-out",
        )
    },
    "encoding/test_rates.py": {"test_a_low_rate_at_a_short_tick_fires": ALL},
    "experiments/test_delay_line.py": {"test_the_order_of_two_spikes_needs_delays": ALL},
    "api/test_shell.py": {"test_curves_from_the_shell": ALL, "test_a_sweep": ALL},
    "comparison/test_compare.py": {"test_a_rule_that_diverges_does_not_keep_the_others_from_finishing": ALL},
    "data/test_shift.py": {"test_learning_sees_moved_images_and_tests_do_not": ALL},
}


def listed() -> set[str]:
    """Ids of all of these tests; one without brackets stands for all members."""
    found = set()
    for file, tests in THOROUGH.items():
        for test, members in tests.items():
            name = f"tests/{file}::{test}"
            found |= {name} if members is ALL else {f"{name}[{member}]" for member in members}
    return found
